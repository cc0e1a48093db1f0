// The likelihood of a formula's model over its rows: eta by population-level columns and by the gathered effects of
// each factor, and the derivatives summed by column and by level. Twin of src/density/mixed/rows.rs. Alternative to
// groups.wgsl.
//
// Each factor has a list of all rows in the order of its levels, cut into chunks of one level each. A lane adds up
// chunks, then the chunks of its levels, in their order: sums are trees, and depend on nothing else.

// The numbers of a row: those of its family, the known part of eta if there is one, population-level columns, columns
// of all terms, those of log sigma, and the level of each factor.
const ROW_POPULATION = ROW_NUMBERS + OFFSETS;
const ROW_COLUMNS = ROW_POPULATION + POPULATION;
const ROW_SIGMA = ROW_COLUMNS + COLUMNS;
const ROW_LEVELS = ROW_SIGMA + SIGMA;

// Adds the log likelihood and the log density of the effects to the parts, with their derivatives.
fn add_effects(team: Team, family: Family) {
    set_effects(team.lane);
    meet();
    for (var f = 0u; f < FACTORS; f++) {
        all_rows(team.lane, family, f);
    }
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

// Adds up this lane's chunks of rows of factor `f`; with the first factor also the family's sums and the derivatives by
// the population-level coefficients, and by those of log sigma.
fn all_rows(lane: u32, family: Family, f: u32) {
    let factor = factor_row(f);
    for (var chunk = lane; chunk < factor.chunks; chunk += TEAM) {
        var own: array<f32, FAMILY_SUMS>;
        var by_fixed: array<f32, POPULATION + 1u>;
        var by_column: array<f32, COLUMNS>;
        var by_sigma: array<f32, SIGMA + 1u>;
        let end = table[factor.starts + chunk + 1u];
        for (var i = table[factor.starts + chunk]; i < end; i++) {
            let row = table[factor.order + i];
            let by_eta = scaled_row(family, row, numbers_of(row), eta_of(row), &own, &by_sigma);
            if f == 0u {
                for (var k = 0u; k < POPULATION; k++) {
                    by_fixed[k] += number_at(row + ROW_POPULATION + k) * by_eta;
                }
            }
            for (var c = 0u; c < factor.columns; c++) {
                by_column[c] += number_at(row + ROW_COLUMNS + factor.first_column + c) * by_eta;
            }
        }
        for (var c = 0u; c < factor.columns; c++) {
            keep(AT_SUMS + column_row(factor.first_column + c).sums + chunk, by_column[c]);
        }
        if f == 0u {
            for (var s = 0u; s < FAMILY_SUMS; s++) {
                parts[1u + s] += own[s];
            }
            for (var k = 0u; k < POPULATION; k++) {
                parts[PART_POPULATION + k] += by_fixed[k];
            }
            for (var k = 0u; k < SIGMA; k++) {
                parts[PART_SIGMA + k] += by_sigma[k];
            }
        }
    }
}

// What the family knows of the row whose numbers begin at `row`.
fn numbers_of(row: u32) -> vec3<f32> {
    if ROW_NUMBERS == 1u {
        return vec3<f32>(number_at(row), 0.0, 0.0);
    }
    return vec3<f32>(number_at(row), number_at(row + 1u), number_at(row + 2u));
}

// The linear predictor of the row whose numbers begin at `row`.
fn eta_of(row: u32) -> f32 {
    var eta = 0.0;
    if OFFSETS == 1u {
        eta = number_at(row + ROW_NUMBERS);
    }
    for (var k = 0u; k < POPULATION; k++) {
        eta += number_at(row + ROW_POPULATION + k) * kept(AT_VALUES + k);
    }
    for (var c = 0u; c < COLUMNS; c++) {
        let column = column_row(c);
        let effect = column.effects + table[row + ROW_LEVELS + column.factor];
        eta += number_at(row + ROW_COLUMNS + c) * kept(AT_EFFECTS + effect);
    }
    return eta;
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
