//! Sorts draws by where they lie between the smallest and the largest: 32 bits of that determine most of their order.

use rayon::prelude::*;

/// The number of binary digits in a pass, and of passes.
const DIGITS: u32 = 11;
const PASSES: usize = 3;

/// Fewer draws are sorted by comparison.
const FEW: usize = 256;

/// The number of draws from which memory matters more than time; they are sorted in place, by all threads.
pub(super) const LARGE: usize = 4 << 20;

/// Draws that a thread reads at least.
const SHARE: usize = 1 << 16;

/// Finite draws in ascending order, and the index of each in `draws`. The order of equal draws is unspecified, but
/// always the same.
///
/// Precondition: fewer than 2^32 draws.
pub(crate) fn sorted(draws: &[f64]) -> (Vec<f64>, Vec<u32>) {
    debug_assert!(u32::try_from(draws.len()).is_ok(), "indices have 32 bits");
    let (low, high) =
        draws.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), draw| (low.min(*draw), high.max(*draw)));
    let scale = f64::from(u32::MAX) / (high - low);
    // The position of a draw between the smallest and the largest, in 2^32 steps, above its index: rounding keeps the
    // order, but may make neighbors equal. Without a range, or with one that is no number, all of them are.
    let entry = |(draw, index): (&f64, u32)| u64::from(((draw - low) * scale) as u32) << 32 | u64::from(index);
    let mut entries: Vec<u64> = draws.iter().zip(0..).map(entry).collect();
    match draws.len() {
        0..FEW => entries.sort_unstable(),
        FEW..LARGE => sort_by_radix(&mut entries),
        _ => entries.par_sort_unstable(),
    }
    let draw = |entry: u64| draws[entry as u32 as usize];
    entries.par_chunk_by_mut(|a, b| a >> 32 == b >> 32).filter(|same| same.len() > 1).for_each(|same| {
        same.par_sort_unstable_by(|a, b| draw(*a).total_cmp(&draw(*b)).then(a.cmp(b)));
    });
    let places = entries.par_iter().with_min_len(SHARE).map(|entry| *entry as u32).collect();
    // In the memory of the entries.
    entries.par_iter_mut().with_min_len(SHARE).for_each(|entry| *entry = draw(*entry).to_bits());
    (entries.into_iter().map(f64::from_bits).collect(), places)
}

/// Sorts by the upper halves.
fn sort_by_radix(entries: &mut Vec<u64>) {
    let mut moved = vec![0; entries.len()];
    for pass in 0..PASSES {
        let digit = |entry: u64| (entry >> (32 + pass as u32 * DIGITS)) as usize % (1 << DIGITS);
        let mut next = vec![0usize; 1 << DIGITS];
        entries.iter().for_each(|entry| next[digit(*entry)] += 1);
        let mut before = 0;
        for count in &mut next {
            (*count, before) = (before, before + *count);
        }
        for entry in &*entries {
            let to = &mut next[digit(*entry)];
            moved[*to] = *entry;
            *to += 1;
        }
        std::mem::swap(entries, &mut moved);
    }
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
                let (ours, places) = sorted(&values);
                let mut theirs = values.clone();
                theirs.sort_unstable_by(f64::total_cmp);
                assert!(ours.iter().map(|x| x.to_bits()).eq(theirs.iter().map(|x| x.to_bits())), "{kind}, {count}");
                let mut pairs = ours.iter().zip(&places);
                assert!(
                    pairs.all(|(value, place)| values[*place as usize].to_bits() == value.to_bits()),
                    "{kind}, {count}"
                );
                let mut places = places;
                places.sort_unstable();
                assert!(places.into_iter().eq(0..count as u32), "{kind}, {count}");
            }
        }
    }

    #[test]
    fn millions_of_draws_come_in_the_same_order() {
        let mut values = vec![0.0; LARGE];
        StreamKey { seed: 7, chain: 2, transition: 0 }.normals(Purpose::Stream, &mut values);
        // One zero, not two.
        values.iter_mut().for_each(|x| *x = (1e5 * *x).round() + 0.0);
        let (ours, places) = sorted(&values);
        assert!(ours.iter().zip(&places).all(|(value, place)| values[*place as usize] == *value));
        let pairs: Vec<_> = ours.into_iter().zip(places).collect();
        assert!(pairs.len() == LARGE && pairs.is_sorted_by(|a, b| a < b));
    }
}
