//! Sorts draws by radix: draws lie close together in a range, so a few digits determine most of their order.

/// The number of binary digits in a pass, and of passes.
const DIGITS: u32 = 11;
const PASSES: usize = 3;

/// Fewer draws are sorted by comparison.
const FEW: usize = 256;

/// Finite draws in ascending order, each with its index in `values`. The order of equal draws is unspecified.
pub(crate) fn sorted(values: &[f64]) -> Vec<(f64, usize)> {
    let by_value = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0);
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    let scale = f64::from(u32::MAX) / (high - low);
    if values.len() < FEW || values.len() > u32::MAX as usize || !(scale > 0.0 && scale.is_finite()) {
        let mut draws: Vec<_> = values.iter().copied().zip(0..).collect();
        draws.sort_unstable_by(by_value);
        return draws;
    }
    // The position of a draw between the smallest and the largest, in 2^32 steps: rounding keeps the order, but may
    // make neighbors equal.
    let mut keyed: Vec<(u32, u32)> = values.iter().map(|value| ((value - low) * scale) as u32).zip(0..).collect();
    let mut moved = vec![(0, 0); keyed.len()];
    for pass in 0..PASSES {
        let digit = |key: u32| (key >> (pass as u32 * DIGITS)) as usize % (1 << DIGITS);
        let mut next = vec![0usize; 1 << DIGITS];
        keyed.iter().for_each(|(key, _)| next[digit(*key)] += 1);
        let mut before = 0;
        for count in &mut next {
            (*count, before) = (before, before + *count);
        }
        for entry in &keyed {
            let to = &mut next[digit(entry.0)];
            moved[*to] = *entry;
            *to += 1;
        }
        std::mem::swap(&mut keyed, &mut moved);
    }
    let mut draws: Vec<_> = keyed.iter().map(|(_, place)| (values[*place as usize], *place as usize)).collect();
    // Draws that are equal in all digits may differ.
    let mut first = 0;
    for same in keyed.chunk_by(|a, b| a.0 == b.0) {
        if same.len() > 1 {
            draws[first..first + same.len()].sort_unstable_by(by_value);
        }
        first += same.len();
    }
    draws
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, StreamKey};

    /// The name of a kind of draws, and the map from normal draws.
    type Kind = (&'static str, fn(f64) -> f64);

    #[test]
    fn draws_of_any_kind_come_in_the_order_that_comparing_them_gives() {
        let mut normals = vec![0.0; 3000];
        StreamKey { seed: 7, chain: 1, transition: 0 }.normals(Purpose::Stream, &mut normals);
        let kinds: [Kind; 7] = [
            ("as they are", |x| x),
            ("far from zero", |x| 1e9 + 1e-3 * x),
            ("with endless tails", |x| x.powi(3) / (x * x + 1e-12)),
            ("log-normal", |x| (20.0 * x).exp()),
            ("of a few values", |x| x.round()),
            ("of one value", |_| 2.5),
            ("beyond what a range may be", |x| if x > 0.0 { f64::MAX } else { -f64::MAX }),
        ];
        for (kind, of) in kinds {
            for count in [0, 1, 5, FEW, 3000] {
                let mut values: Vec<f64> = normals[..count].iter().map(|x| of(*x)).collect();
                if count > 9 {
                    // One draw so large that the others share most digits, and both zeros.
                    (values[3], values[8], values[9]) = (1e6 * values[3], 0.0, -0.0);
                }
                let ours = sorted(&values);
                let mut theirs = values.clone();
                theirs.sort_unstable_by(f64::total_cmp);
                assert!(
                    ours.iter().map(|draw| draw.0.to_bits()).eq(theirs.iter().map(|x| x.to_bits())),
                    "{kind}, {count}"
                );
                let mut places: Vec<usize> = ours.iter().map(|draw| draw.1).collect();
                assert!(
                    ours.iter().all(|(value, place)| values[*place].to_bits() == value.to_bits()),
                    "{kind}, {count}"
                );
                places.sort_unstable();
                assert!(places.into_iter().eq(0..count), "{kind}, {count}");
            }
        }
    }
}
