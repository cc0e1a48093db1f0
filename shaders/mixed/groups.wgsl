// The Gaussian likelihood of a formula's model of one factor, with all effects integrated out, group by group. Twin of
// src/density/mixed/collapsed.rs and src/density/mixed/rest.rs, which have the formulas. Alternative to rows.wgsl.
//
// V = I + sum_c b_c b_c' = U diag(d) U' is factorized by additions of positive terms, column by column of
// B = R Lambda / sigma, as in covariance.wgsl.

// Numbers of a group: each column of R from its first entry to the diagonal, then each column of W.
const TRIANGLE = COLUMNS * (COLUMNS + 1u) / 2u;

struct GroupCovariance {
    // Column after column, U_ij for i < j, with unused places for the diagonal.
    upper: array<f32, TRIANGLE>,
    diagonal: array<f32, COLUMNS>,
}

// R_ic of group `j`, for i <= c.
fn group_r(j: u32, i: u32, c: u32) -> f32 {
    return number_at((c * (c + 1u) / 2u + i) * GROUPS + j);
}

// Entry `i` of column `k` of W of group `j`; the outcome's column is after the population's.
fn group_w(j: u32, i: u32, k: u32) -> f32 {
    return number_at((TRIANGLE + k * COLUMNS + i) * GROUPS + j);
}

// V of group `j`, given Lambda / sigma, `[row][column]`.
fn covariance_of(j: u32, ratio: ptr<function, array<f32, COLUMNS * COLUMNS>>) -> GroupCovariance {
    var covariance: GroupCovariance;
    for (var i = 0u; i < COLUMNS; i++) {
        covariance.diagonal[i] = 1.0;
    }
    for (var c = 0u; c < COLUMNS; c++) {
        var v: array<f32, COLUMNS>;
        for (var i = 0u; i < COLUMNS; i++) {
            for (var m = max(i, c); m < COLUMNS; m++) {
                v[i] += group_r(j, i, m) * (*ratio)[m * COLUMNS + c];
            }
        }
        var alpha = 1.0;
        for (var done = 0u; done < COLUMNS; done++) {
            let k = COLUMNS - 1u - done;
            let weighted = alpha * v[k];
            let before = covariance.diagonal[k];
            let after = before + weighted * v[k];
            let gain = weighted / after;
            alpha *= before / after;
            for (var i = 0u; i < k; i++) {
                let place = k * (k + 1u) / 2u + i;
                v[i] -= v[k] * covariance.upper[place];
                covariance.upper[place] += gain * v[i];
            }
            covariance.diagonal[k] = after;
        }
    }
    return covariance;
}

// Replaces x by U^-1 x.
fn whiten(covariance: ptr<function, GroupCovariance>, x: ptr<function, array<f32, COLUMNS>>) {
    for (var done = 0u; done < COLUMNS; done++) {
        let k = COLUMNS - 1u - done;
        for (var i = 0u; i < k; i++) {
            (*x)[i] -= (*covariance).upper[k * (k + 1u) / 2u + i] * (*x)[k];
        }
    }
}

// Replaces x by U'^-1 diag(d)^-1 x.
fn unwhiten(covariance: ptr<function, GroupCovariance>, x: ptr<function, array<f32, COLUMNS>>) {
    for (var k = 0u; k < COLUMNS; k++) {
        (*x)[k] /= (*covariance).diagonal[k];
        for (var i = 0u; i < k; i++) {
            (*x)[k] -= (*covariance).upper[k * (k + 1u) / 2u + i] * (*x)[i];
        }
    }
}

// Lambda / sigma of all terms as one, block by block.
fn ratio_of(unit: f32) -> array<f32, COLUMNS * COLUMNS> {
    let inverse = sqrt(unit);
    var ratio: array<f32, COLUMNS * COLUMNS>;
    for (var s = 0u; s < SCALES; s++) {
        let term = term_row(scale_row(s).term);
        let i = scale_row(s).row;
        for (var c = 0u; c <= i; c++) {
            let place = (term.first_column + i) * COLUMNS + term.first_column + c;
            ratio[place] = kept(AT_FACTORS + term.square + i * term.columns + c) * inverse;
        }
    }
    return ratio;
}

// W_y - W_X b of group `j`.
fn deviation(j: u32) -> array<f32, COLUMNS> {
    var e: array<f32, COLUMNS>;
    for (var i = 0u; i < COLUMNS; i++) {
        e[i] = group_w(j, i, POPULATION);
        for (var k = 0u; k < POPULATION; k++) {
            e[i] -= group_w(j, i, k) * kept(AT_VALUES + k);
        }
    }
    return e;
}

// Adds this lane's groups to the parts: - log |V| / 2, the sums e' V^-1 e and W_X' V^-1 e, and G without its unit.
fn add_effects(team: Team, family: Family) {
    let unit = family_unit(family);
    var ratio = ratio_of(unit);
    for (var j = team.lane; j < GROUPS; j += TEAM) {
        var covariance = covariance_of(j, &ratio);
        var e = deviation(j);
        whiten(&covariance, &e);
        for (var i = 0u; i < COLUMNS; i++) {
            parts[0] -= 0.5 * ln(covariance.diagonal[i]);
            parts[1] += e[i] * e[i] / covariance.diagonal[i];
        }
        unwhiten(&covariance, &e);
        for (var k = 0u; k < POPULATION; k++) {
            for (var i = 0u; i < COLUMNS; i++) {
                parts[PART_POPULATION + k] += group_w(j, i, k) * e[i];
            }
        }
        var pulled: array<f32, COLUMNS>;
        var whitened: array<array<f32, COLUMNS>, COLUMNS>;
        for (var c = 0u; c < COLUMNS; c++) {
            var column: array<f32, COLUMNS>;
            for (var i = 0u; i <= c; i++) {
                column[i] = group_r(j, i, c);
                pulled[c] += column[i] * e[i];
            }
            whiten(&covariance, &column);
            whitened[c] = column;
        }
        for (var s = 0u; s < SCALES; s++) {
            let term = term_row(scale_row(s).term);
            let i = scale_row(s).row;
            let c = term.first_column + i;
            for (var d = 0u; d <= i; d++) {
                var by = pulled[c] * pulled[term.first_column + d] * unit;
                for (var m = 0u; m < COLUMNS; m++) {
                    by -= whitened[c][m] * whitened[term.first_column + d][m] / covariance.diagonal[m];
                }
                parts[term.triangle + i * (i + 1u) / 2u + d] += by;
            }
        }
    }
}

// From here on: what density.wgsl asks of the totals of all parts, as of rows.wgsl.

// The derivative by Lambda_ij of a term, for i >= j: of G Lambda.
fn by_factor(term: TermRow, i: u32, j: u32, unit: f32) -> f32 {
    var by = 0.0;
    for (var d = j; d < term.columns; d++) {
        let place = term.triangle + max(i, d) * (max(i, d) + 1u) / 2u + min(i, d);
        by += kept(AT_TOTALS + place) * kept(AT_FACTORS + term.square + d * term.columns + j);
    }
    return by * unit;
}

// Half the derivative of the rest by population-level coefficient `k`, with its sign turned.
fn residual(k: u32) -> f32 {
    var left = fixed_number(REST_AT + 1u + POPULATION + k);
    for (var l = 0u; l < POPULATION; l++) {
        left -= fixed_number(REST_AT + 1u + 2u * POPULATION + k * POPULATION + l) * (kept(AT_VALUES + l) - fixed_number(REST_AT + 1u + l));
    }
    return left;
}

// The derivative by population-level coefficient `k`, in the family's unit.
fn by_population(k: u32) -> f32 {
    return kept(AT_TOTALS + PART_POPULATION + k) + residual(k);
}

// What the mean of centered effects adds to the derivative by population-level coefficient `k`: there are none.
fn by_means(k: u32) -> f32 {
    return 0.0;
}

// The sum of squares Q, minus the reference noise of all rows.
fn family_sum(s: u32) -> f32 {
    var total = kept(AT_TOTALS + 1u) + fixed_number(REST_AT + 0);
    for (var k = 0u; k < POPULATION; k++) {
        total -= (kept(AT_VALUES + k) - fixed_number(REST_AT + 1u + k)) * (fixed_number(REST_AT + 1u + POPULATION + k) + residual(k));
    }
    return total;
}

// The derivative by log sigma of all that depends on Lambda / sigma.
fn by_ratio(unit: f32) -> f32 {
    var by_factors = 0.0;
    for (var s = 0u; s < SCALES; s++) {
        let term = term_row(scale_row(s).term);
        let i = scale_row(s).row;
        for (var j = 0u; j <= i; j++) {
            by_factors += by_factor(term, i, j, unit) * kept(AT_FACTORS + term.square + i * term.columns + j);
        }
    }
    return -by_factors;
}
