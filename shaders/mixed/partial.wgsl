// The partially centered effects of a level, and the pullback of derivatives. Twin of src/model/partial.rs and
// src/density/mixed/partial.rs.

// The mean of the effect of level `j` of a column.
fn partial_means(column: u32, j: u32) -> f32 {
    var mean = kept(AT_MEANS + column);
    for (var p = 0u; p < PREDICTORS; p++) {
        let predictor = predictor_row(p);
        if predictor.column == column {
            mean += fixed_number(predictor.values + j) * kept(AT_VALUES + predictor.coefficient);
        }
    }
    return mean;
}

// Writes z and s^-w of level `j`.
fn partial_offsets(
    term: TermRow,
    j: u32,
    offsets: ptr<function, array<f32, MOST_COLUMNS>>,
    powers: ptr<function, array<f32, MOST_COLUMNS>>,
) {
    for (var c = 0u; c < term.columns; c++) {
        let row = AT_FACTORS + term.square + c * term.columns;
        let place = c * term.levels + j;
        var mean = partial_means(term.first_column + c, j);
        for (var k = 0u; k < c; k++) {
            mean += kept(row + k) * (*offsets)[k];
        }
        let weight = fixed_number(term.weights + place);
        (*powers)[c] = exp(-weight * ln(kept(row + c)));
        (*offsets)[c] = (kept(AT_THETA + term.effects + place) - weight * mean) * (*powers)[c];
    }
}

// Adds the log density of level `j` to the parts, and the derivatives by Lambda, by the means and by the predictors;
// keeps those by the level's entries in theta, given the derivatives of the log likelihood by r.
fn partial_pull(term: TermRow, j: u32, by_r: ptr<function, array<f32, MOST_COLUMNS>>) {
    let q = term.columns;
    var offsets: array<f32, MOST_COLUMNS>;
    var powers: array<f32, MOST_COLUMNS>;
    partial_offsets(term, j, &offsets, &powers);
    // Derivatives by c, which moves r, too.
    var by_known: array<f32, MOST_COLUMNS>;
    for (var done = 0u; done < q; done++) {
        let k = q - 1u - done;
        let z = offsets[k];
        let place = k * term.levels + j;
        let scale = kept(AT_FACTORS + term.square + k * q + k);
        let weight = fixed_number(term.weights + place);
        var by_z = scale * (*by_r)[k] - z;
        for (var c = k + 1u; c < q; c++) {
            by_z += kept(AT_FACTORS + term.square + c * q + k) * by_known[c];
            parts[term.triangle + c * (c + 1u) / 2u + k] += by_known[c] * z;
        }
        parts[term.triangle + k * (k + 1u) / 2u + k] += (*by_r)[k] * z - weight * (z * by_z + 1.0) / scale;
        parts[0] -= 0.5 * z * z + weight * ln(scale);
        let by_entry = by_z * powers[k];
        keep(AT_GRADIENT + term.effects + place, by_entry);
        let by_mean = -weight * by_entry;
        parts[PART_MEANS + term.first_column + k] += by_mean;
        for (var p = 0u; p < PREDICTORS; p++) {
            let predictor = predictor_row(p);
            if predictor.column == term.first_column + k {
                parts[PART_PREDICTORS + p] += by_mean * fixed_number(predictor.values + j);
            }
        }
        by_known[k] = by_mean + (*by_r)[k];
    }
}
