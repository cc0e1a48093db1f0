//! Numbers that stand for a missing value where nothing says so: -999 where all else lies within 10.

/// What programs and people write for a missing value.
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

/// The same, of which there are only negative ones, or only positive ones.
const ONE_SIGN: [f64; 5] = [-32768.0, -2147483648.0, 9.96921e36, -3.402823e38, 1e20];

/// A mark lies beyond the other values by more than so many of their ranges.
const FAR: f64 = 3.0;

/// Once is an outlier.
const FEWEST: usize = 2;

/// A value of a column that is probably a mark for a missing one.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentinel {
    /// The column.
    pub column: String,
    /// The mark.
    pub value: f64,
    /// How many rows have it.
    pub rows: usize,
    /// The smallest and the largest of the other values.
    pub others: [f64; 2],
}

/// Those of a column, of which `subtracted` was subtracted.
pub(super) fn of(column: &str, values: &[f64], subtracted: f64) -> Vec<Sentinel> {
    let usual = |value: f64| usual(value + subtracted);
    let [min, max] = range(values.iter().copied());
    // A mark is far outside, and so the smallest or the largest value.
    if usual(min).is_none() && usual(max).is_none() {
        return Vec::new();
    }
    let others = range(values.iter().copied().filter(|value| usual(*value).is_none())).map(|value| value + subtracted);
    let [least, most] = others;
    let is_far = |mark: f64| (least - mark).max(mark - most) > FAR * (most - least);
    let mut found: Vec<Sentinel> = Vec::new();
    // Without a range there is nothing to be far from.
    for mark in values.iter().filter_map(|value| usual(*value)).filter(|mark| most > least && is_far(*mark)) {
        match found.iter_mut().find(|sentinel| sentinel.value == mark) {
            Some(sentinel) => sentinel.rows += 1,
            None => found.push(Sentinel { column: column.to_owned(), value: mark, rows: 1, others }),
        }
    }
    found.retain(|sentinel| sentinel.rows >= FEWEST);
    found
}

/// The usual mark that this number is, but for rounding.
fn usual(value: f64) -> Option<f64> {
    let is = |mark: f64| (value - mark).abs() <= 1e-6 * mark.abs();
    let signed = USUAL.iter().map(|mark| mark.copysign(value)).filter(|mark| *mark != 9.0);
    signed.chain(ONE_SIGN).find(|mark| is(*mark))
}

fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[min, max], value| [min.min(value), max.max(value)])
}
