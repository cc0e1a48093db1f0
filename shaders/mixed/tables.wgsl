// The tables of a formula's model, made by src/density/gpu/mixed_tables.rs.
//
// Terms of the same factor are neighbours in the order of the columns; the numbers of columns, factors and
// hyperparameters are constants of the header.

struct Fixed {
    reference: Reference,
    // Words of a HyperRow for each hyperparameter; a TermRow for each term; a ScaleRow for the sd of each column of
    // each term; a ColumnRow for each column; a FactorRow for each factor. Then, for each column, the weights of the
    // population-level coefficients in the mean of its centered effects; a PredictorRow for each predictor of levels;
    // the weights and predictors of partially centered effects; for each coefficient of log sigma the sum of its column
    // and its value at the reference; and the squares about the means of merged rows, less the reference noise of those
    // rows. And where effects are integrated out, the
    // rest of the reduction to groups about coefficients near the posterior's: its value there minus the reference
    // noise of all rows; these coefficients; half its derivatives by them, with the sign turned; half its second
    // derivatives.
    words: array<u32>,
}

@group(0) @binding(0) var<storage, read> fixed: Fixed;
// Rows, chunks and levels, or the numbers of all groups.
@group(0) @binding(1) var<storage, read> table: array<u32>;

// Number `i` of the table.
fn number_at(i: u32) -> f32 {
    return bitcast<f32>(table[i]);
}

// Number `i` of the words of `fixed`.
fn fixed_number(i: u32) -> f32 {
    return bitcast<f32>(fixed.words[i]);
}

fn hyper_row(h: u32) -> HyperRow {
    let i = 7u * h;
    return HyperRow(
        fixed.words[i],
        fixed.words[i + 1u],
        fixed_number(i + 2u),
        fixed_number(i + 3u),
        fixed_number(i + 4u),
        fixed_number(i + 5u),
        fixed_number(i + 6u),
    );
}

fn term_row(t: u32) -> TermRow {
    let i = TERMS_AT + 11u * t;
    return TermRow(
        fixed.words[i],
        fixed.words[i + 1u],
        fixed.words[i + 2u],
        fixed.words[i + 3u],
        fixed.words[i + 4u],
        fixed.words[i + 5u],
        fixed.words[i + 6u],
        fixed.words[i + 7u],
        fixed.words[i + 8u],
        fixed.words[i + 9u],
        fixed.words[i + 10u],
    );
}

fn scale_row(s: u32) -> ScaleRow {
    let i = SCALES_AT + 2u * s;
    return ScaleRow(fixed.words[i], fixed.words[i + 1u]);
}

fn column_row(c: u32) -> ColumnRow {
    let i = COLUMNS_AT + 4u * c;
    return ColumnRow(fixed.words[i], fixed.words[i + 1u], fixed.words[i + 2u], fixed.words[i + 3u]);
}

fn predictor_row(p: u32) -> PredictorRow {
    let i = PREDICTORS_AT + 3u * p;
    return PredictorRow(fixed.words[i], fixed.words[i + 1u], fixed.words[i + 2u]);
}

fn factor_row(f: u32) -> FactorRow {
    let i = FACTORS_AT + 6u * f;
    return FactorRow(
        fixed.words[i],
        fixed.words[i + 1u],
        fixed.words[i + 2u],
        fixed.words[i + 3u],
        fixed.words[i + 4u],
        fixed.words[i + 5u],
    );
}
