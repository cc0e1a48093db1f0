// A chunk of rows of a formula's model: eta by population-level columns and by the gathered effects of each factor, and
// the derivatives summed by column. Twin of src/density/mixed/rows.rs; src/density/gpu/mixed_rows.rs lays rows out.
//
// Each factor has all rows in the order of its levels, cut into chunks of one level each. A lane adds up chunks, then
// the chunks of its levels, in their order: sums are trees, and depend on nothing else.

// In the place of the list of a factor by which the rows are sorted.
const NO_LIST = 0xffffffffu;

// Where the numbers of a row begin: those of its family, the known part of eta if it differs, population-level
// columns, columns of terms, those of log sigma, and the level of each factor. What is the same in all rows is in none.
const ROW_POPULATION = ROW_NUMBERS + OFFSETS;

// Adds up chunk `chunk` of rows of factor `f`; with the first factor also the family's sums and the derivatives by the
// population-level coefficients, and by those of log sigma.
fn add_chunk(family: Family, f: u32, chunk: u32) {
    let factor = factor_row(f);
    var own: array<f32, FAMILY_SUMS>;
    var by_fixed: array<f32, POPULATION + 1u>;
    var by_column: array<f32, COLUMNS>;
    var by_sigma: array<f32, SIGMA + 1u>;
    let end = table[factor.starts + chunk + 1u];
    for (var i = table[factor.starts + chunk]; i < end; i++) {
        let number = row_of(factor, i);
        let row = row_place(number);
        let by_eta = scaled_row(family, row, numbers_of(row), eta_of(row), &own, &by_sigma);
        if f == 0u {
            keep_slope(number, by_eta);
            if ONES == 1u {
                by_fixed[0] += by_eta;
            }
            for (var k = ONES; k < POPULATION; k++) {
                by_fixed[k] += number_at(row + ROW_POPULATION - ONES + k) * by_eta;
            }
        }
        for (var c = 0u; c < factor.columns; c++) {
            by_column[c] += entry_of(row, factor.first_column + c) * by_eta;
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

// The number of row `i` in the order of a factor's levels.
fn row_of(factor: FactorRow, i: u32) -> u32 {
    if factor.order == NO_LIST {
        return i;
    }
    return table[factor.order + i];
}

// The place of the numbers of a row.
fn row_place(number: u32) -> u32 {
    return FIRST_ROW + number * ROW_WIDTH;
}

// What the family knows of the row whose numbers begin at `row`.
fn numbers_of(row: u32) -> vec3<f32> {
    var numbers = vec3<f32>(number_at(row), SECOND_NUMBER, THIRD_NUMBER);
    if ROW_NUMBERS > 1u {
        numbers.y = number_at(row + 1u);
    }
    if ROW_NUMBERS > 2u {
        numbers.z = number_at(row + 2u);
    }
    return numbers;
}

// The entry of the row whose numbers begin at `row` in a column of a term.
fn entry_of(row: u32, c: u32) -> f32 {
    let entry = column_row(c).entry;
    // The family's numbers come first: no column is there.
    if entry == 0u {
        return 1.0;
    }
    return number_at(row + entry);
}

// The linear predictor of the row whose numbers begin at `row`.
fn eta_of(row: u32) -> f32 {
    var eta = f32(OFFSET);
    if OFFSETS == 1u {
        eta = number_at(row + ROW_NUMBERS);
    }
    if ONES == 1u {
        eta += kept(AT_VALUES);
    }
    for (var k = ONES; k < POPULATION; k++) {
        eta += number_at(row + ROW_POPULATION - ONES + k) * kept(AT_VALUES + k);
    }
    for (var c = 0u; c < COLUMNS; c++) {
        let column = column_row(c);
        let effect = column.effects + table[row + ROW_LEVELS + column.factor];
        eta += entry_of(row, c) * kept(AT_EFFECTS + effect);
    }
    return eta;
}
