//! Sentinels: numbers that mark missing values without being declared, such as -999 where all others lie within 10.

/// Marks that programs and people use for a missing value, with either sign (9 only as -9).
const USUAL: [f64; 17] = [
    9.0,
    99.0,
    999.0,
    9999.0,
    99999.0,
    999999.0,
    88.0,
    888.0,
    8888.0,
    99.9,
    999.9,
    9999.9,
    99.99,
    999.99,
    32767.0,
    2147483647.0,
    1e30,
];

/// Marks that are used with this sign only.
const ONE_SIGN: [f64; 5] = [-32768.0, -2147483648.0, 9.96921e36, -3.402823e38, 1e20];

/// A mark lies beyond the other values by more than this many of their ranges.
const FAR: f64 = 3.0;

/// The fewest rows with a mark: a single one is an outlier.
const FEWEST: usize = 2;

/// A value that probably marks missing values of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentinel {
    /// The column.
    pub column: String,
    /// The mark.
    pub value: f64,
    /// The number of rows with this value.
    pub rows: usize,
    /// The smallest and the largest of the other values.
    pub others: [f64; 2],
}

/// The sentinels of a column from which `subtracted` was subtracted.
pub(super) fn of(column: &str, values: &[f64], subtracted: f64) -> Vec<Sentinel> {
    let usual = |value: f64| usual(value + subtracted);
    let [min, max] = range(values.iter().copied());
    // A mark lies far outside, so it is the smallest or the largest value.
    if usual(min).is_none() && usual(max).is_none() {
        return Vec::new();
    }
    let others = range(values.iter().copied().filter(|value| usual(*value).is_none())).map(|value| value + subtracted);
    let [least, most] = others;
    let is_far = |mark: f64| (least - mark).max(mark - most) > FAR * (most - least);
    let mut found: Vec<Sentinel> = Vec::new();
    // If the other values have no range, nothing is far from them.
    for mark in values.iter().filter_map(|value| usual(*value)).filter(|mark| most > least && is_far(*mark)) {
        match found.iter_mut().find(|sentinel| sentinel.value == mark) {
            Some(sentinel) => sentinel.rows += 1,
            None => found.push(Sentinel { column: column.to_owned(), value: mark, rows: 1, others }),
        }
    }
    found.retain(|sentinel| sentinel.rows >= FEWEST);
    found
}

/// The mark that this number equals to rounding.
fn usual(value: f64) -> Option<f64> {
    let is = |mark: f64| (value - mark).abs() <= 1e-6 * mark.abs();
    let signed = USUAL.iter().map(|mark| mark.copysign(value)).filter(|mark| *mark != 9.0);
    signed.chain(ONE_SIGN).find(|mark| is(*mark))
}

fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[min, max], value| [min.min(value), max.max(value)])
}
