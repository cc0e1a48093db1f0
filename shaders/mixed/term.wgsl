// The terms of a formula: the factor Lambda = diag(sd) L of each, its effects, and the pullback of derivatives. Twin of
// src/model/correlation.rs and src/density/mixed/term.rs; a lane has rows of Lambda, or the effects of levels.

// How a term's effects are centered.
const CENTERED = 1u;
const PARTIAL = 2u;

// The place of the pair i > j among all pairs, row by row.
fn pair_of(i: u32, j: u32) -> u32 {
    return i * (i - 1u) / 2u + j;
}

// Adds the derivatives by the partial correlations of row `i`, given those by its entries of Lambda, to the gradient.
fn pull_back(partials: u32, i: u32, sd: f32, by_row: ptr<function, array<f32, MOST_COLUMNS>>) {
    // The remaining product before each column, and the derivative by it, from the last column backwards.
    var left: array<f32, MOST_COLUMNS>;
    left[0] = 1.0;
    for (var j = 0u; j < i; j++) {
        left[j + 1u] = left[j] * sqrt(kept(AT_SLOPES + partials + pair_of(i, j)));
    }
    var by_left = sd * (*by_row)[i];
    for (var done = 0u; done < i; done++) {
        let j = i - 1u - done;
        let partial = partials + pair_of(i, j);
        let w = kept(AT_VALUES + partial);
        let root = sqrt(kept(AT_SLOPES + partial));
        let by_unit = sd * (*by_row)[j];
        let by_entry = left[j] * root * (by_unit * root - by_left * w);
        keep(AT_GRADIENT + partial, kept(AT_GRADIENT + partial) + by_entry);
        by_left = by_unit * w + by_left * root;
    }
}

// Keeps this lane's rows of L and of Lambda, and the means of the columns.
fn set_terms(lane: u32) {
    for (var s = lane; s < SCALES; s += TEAM) {
        let term = term_row(scale_row(s).term);
        let i = scale_row(s).row;
        let row = term.square + i * term.columns;
        let sd = kept(AT_VALUES + term.scales + i);
        var left = 1.0;
        for (var j = 0u; j < i; j++) {
            var unit = 0.0;
            if term.correlated == 1u {
                let partial = term.partials + pair_of(i, j);
                unit = kept(AT_VALUES + partial) * left;
                // 1 - w^2 is the slope of tanh.
                left *= sqrt(kept(AT_SLOPES + partial));
            }
            keep(AT_UNITS + row + j, unit);
            keep(AT_FACTORS + row + j, sd * unit);
        }
        keep(AT_UNITS + row + i, left);
        keep(AT_FACTORS + row + i, sd * left);
        let column = term.first_column + i;
        var mean = 0.0;
        for (var k = 0u; k < POPULATION; k++) {
            mean += fixed_number(WEIGHTS_AT + column * POPULATION + k) * kept(AT_VALUES + k);
        }
        keep(AT_MEANS + column, mean);
    }
}

// Keeps r of this lane's effects.
fn set_effects(lane: u32) {
    for (var t = 0u; t < TERMS; t++) {
        let term = term_row(t);
        if term.centering == PARTIAL {
            for (var j = lane; j < term.levels; j += TEAM) {
                var offsets: array<f32, MOST_COLUMNS>;
                var powers: array<f32, MOST_COLUMNS>;
                partial_offsets(term, j, &offsets, &powers);
                for (var c = 0u; c < term.columns; c++) {
                    var effect = 0.0;
                    for (var k = 0u; k <= c; k++) {
                        effect += kept(AT_FACTORS + term.square + c * term.columns + k) * offsets[k];
                    }
                    keep(AT_EFFECTS + term.effects - HYPER + c * term.levels + j, effect);
                }
            }
            continue;
        }
        for (var at = lane; at < term.columns * term.levels; at += TEAM) {
            let column = at / term.levels;
            var effect = 0.0;
            if term.centering == CENTERED {
                effect = kept(AT_THETA + term.effects + at) - kept(AT_MEANS + term.first_column + column);
            } else {
                let row = AT_FACTORS + term.square + column * term.columns;
                for (var k = 0u; k <= column; k++) {
                    effect += kept(row + k) * kept(AT_THETA + term.effects + k * term.levels + at % term.levels);
                }
            }
            keep(AT_EFFECTS + term.effects - HYPER + at, effect);
        }
    }
}

// Adds the log density of level `j` of a non-centered term to the parts, and the derivatives by Lambda; keeps those by
// the level's entries in theta, given the derivatives of the log likelihood by r.
fn pull_offsets(term: TermRow, j: u32, by_r: ptr<function, array<f32, MOST_COLUMNS>>) {
    for (var k = 0u; k < term.columns; k++) {
        let place = term.effects + k * term.levels + j;
        let z = kept(AT_THETA + place);
        parts[0] -= 0.5 * z * z;
        var by_z = -z;
        for (var c = k; c < term.columns; c++) {
            by_z += kept(AT_FACTORS + term.square + c * term.columns + k) * (*by_r)[c];
            parts[term.triangle + c * (c + 1u) / 2u + k] += (*by_r)[c] * z;
        }
        keep(AT_GRADIENT + place, by_z);
    }
}

// The same of a centered term, and the derivatives by the means.
fn pull_centered(term: TermRow, j: u32, by_r: ptr<function, array<f32, MOST_COLUMNS>>) {
    let q = term.columns;
    var whitened: array<f32, MOST_COLUMNS>;
    var solved: array<f32, MOST_COLUMNS>;
    for (var c = 0u; c < q; c++) {
        let row = AT_FACTORS + term.square + c * q;
        var entry = kept(AT_EFFECTS + term.effects - HYPER + c * term.levels + j);
        for (var k = 0u; k < c; k++) {
            entry -= kept(row + k) * whitened[k];
        }
        whitened[c] = entry / kept(row + c);
        parts[0] -= 0.5 * whitened[c] * whitened[c];
    }
    for (var done = 0u; done < q; done++) {
        let c = q - 1u - done;
        var entry = whitened[c];
        for (var k = c + 1u; k < q; k++) {
            entry -= kept(AT_FACTORS + term.square + k * q + c) * solved[k];
        }
        solved[c] = entry / kept(AT_FACTORS + term.square + c * q + c);
    }
    for (var c = 0u; c < q; c++) {
        for (var k = 0u; k <= c; k++) {
            parts[term.triangle + c * (c + 1u) / 2u + k] += solved[c] * whitened[k];
        }
        let by_entry = (*by_r)[c] - solved[c];
        parts[PART_MEANS + term.first_column + c] -= by_entry;
        keep(AT_GRADIENT + term.effects + c * term.levels + j, by_entry);
    }
}

// Adds the log determinants of a centered term's effects to the parts, and their derivatives by Lambda.
fn pull_determinants(term: TermRow) {
    let levels = f32(term.levels);
    for (var c = 0u; c < term.columns; c++) {
        let diagonal = kept(AT_FACTORS + term.square + c * term.columns + c);
        parts[0] -= levels * ln(diagonal);
        parts[term.triangle + c * (c + 1u) / 2u + c] -= levels / diagonal;
    }
}

// Adds the derivatives by this lane's sds and by the partial correlations of their rows to the gradient.
fn pull_factor(lane: u32, unit: f32) {
    for (var s = lane; s < SCALES; s += TEAM) {
        let term = term_row(scale_row(s).term);
        let i = scale_row(s).row;
        let scale = term.scales + i;
        let row = AT_UNITS + term.square + i * term.columns;
        var by_row: array<f32, MOST_COLUMNS>;
        var by_sd = 0.0;
        for (var j = 0u; j <= i; j++) {
            by_row[j] = by_factor(term, i, j, unit);
            by_sd += by_row[j] * kept(row + j);
        }
        add_to_gradient(scale, by_sd);
        if term.correlated == 1u {
            pull_back(term.partials, i, kept(AT_VALUES + scale), &by_row);
        }
    }
}

// Adds to the gradient by hyperparameter `h` what follows from the derivative `by_value` by its value.
fn add_to_gradient(h: u32, by_value: f32) {
    keep(AT_GRADIENT + h, kept(AT_GRADIENT + h) + by_value * kept(AT_SLOPES + h));
}
