// The likelihood of a formula's model over its rows: the derivatives by its effects, from sums over chunks of rows, and
// what follows from them. Twin of src/density/mixed/rows.rs. Alternative to groups.wgsl.

// Adds the log likelihood and the log density of the effects to the parts, with their derivatives.
fn add_effects(team: Team, family: Family) {
    set_effects(team.lane);
    meet();
    all_rows(team, family);
    add_counts(team.lane, family);
    if team.lane == 0u {
        parts[1u] += fixed_number(WITHIN_AT);
    }
    meet();
    let unit = family_unit(family);
    for (var t = 0u; t < TERMS; t++) {
        let term = term_row(t);
        for (var j = team.lane; j < term.levels; j += TEAM) {
            var by_r: array<f32, MOST_COLUMNS>;
            for (var c = 0u; c < term.columns; c++) {
                by_r[c] = unit * collect(term.first_column + c, j);
            }
            if term.centering == CENTERED {
                pull_centered(term, j, &by_r);
            } else if term.centering == PARTIAL {
                partial_pull(term, j, &by_r);
            } else {
                pull_offsets(term, j, &by_r);
            }
        }
        if term.centering == CENTERED && team.lane == 0u {
            pull_determinants(term);
        }
    }
}

// The sum of the chunks of level `j` of a column.
fn collect(c: u32, j: u32) -> f32 {
    let column = column_row(c);
    let levels = factor_row(column.factor).levels;
    var sum = 0.0;
    for (var chunk = table[levels + j]; chunk < table[levels + j + 1u]; chunk++) {
        sum += kept(AT_SUMS + column.sums + chunk);
    }
    return sum;
}

// From here on: what density.wgsl asks of the totals of all parts, as of groups.wgsl.

// The derivative by Lambda_ij of a term, for i >= j.
fn by_factor(term: TermRow, i: u32, j: u32, unit: f32) -> f32 {
    return kept(AT_TOTALS + term.triangle + i * (i + 1u) / 2u + j);
}

// The derivative by population-level coefficient `k`, in the family's unit.
fn by_population(k: u32) -> f32 {
    return kept(AT_TOTALS + PART_POPULATION + k);
}

// What the means of centered effects add to the derivative by population-level coefficient `k`.
fn by_means(k: u32) -> f32 {
    var by_value = 0.0;
    for (var c = 0u; c < COLUMNS; c++) {
        by_value += fixed_number(WEIGHTS_AT + c * POPULATION + k) * kept(AT_TOTALS + PART_MEANS + c);
    }
    for (var p = 0u; p < PREDICTORS; p++) {
        if predictor_row(p).coefficient == k {
            by_value += kept(AT_TOTALS + PART_PREDICTORS + p);
        }
    }
    return by_value;
}

// The family's sum `s`.
fn family_sum(s: u32) -> f32 {
    return kept(AT_TOTALS + 1u + s);
}

// The derivative by log sigma of all that depends on Lambda / sigma: here, nothing does.
fn by_ratio(unit: f32) -> f32 {
    return 0.0;
}
