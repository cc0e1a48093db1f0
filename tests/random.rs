//! Random numbers are functions of their place: Philox4x32-10 to the bit, uniform and normal deviates by definition,
//! whatever their number, different at different places, with the right distributions.

use std::collections::HashSet;
use std::f64::consts::FRAC_PI_2;

use rand::{Rng, RngExt, SeedableRng};
use statrs::distribution::{ContinuousCDF, Normal};
use warpnuts::random::{Philox, Purpose, StreamKey, philox};

use crate::helpers::chance;

const PURPOSES: [Purpose; 6] =
    [Purpose::Start, Purpose::Momentum, Purpose::Direction, Purpose::Leaf, Purpose::Join, Purpose::Stream];

const PLACES: [StreamKey; 4] = [
    StreamKey { seed: 0, chain: 0, transition: 0 },
    StreamKey { seed: 20_251_123, chain: 5, transition: 17 },
    StreamKey { seed: u64::MAX, chain: u32::MAX, transition: u32::MAX },
    StreamKey { seed: 1 << 40, chain: 4095, transition: 1999 },
];

fn normals(place: StreamKey, purpose: Purpose, count: usize) -> Vec<f64> {
    let mut out = vec![f64::NAN; count];
    place.normals(purpose, &mut out);
    out
}

/// A million deviates, 40 at each of many places, like momenta: chain after chain, transition after transition.
fn million(purpose: Purpose, deviates: impl Fn(StreamKey, Purpose, usize) -> Vec<f64>) -> Vec<f64> {
    let places = (0..250).flat_map(|chain| (0..100).map(move |transition| StreamKey { seed: 3, chain, transition }));
    places.flat_map(|place| deviates(place, purpose, 40)).collect()
}

fn uniforms(place: StreamKey, purpose: Purpose, count: usize) -> Vec<f64> {
    (0..count as u32).map(|index| place.uniform(purpose, index)).collect()
}

/// The difference of the mean of `f` over `values` from `truth`, in units of its standard error `sd / sqrt(n)`.
fn z_score(values: &[f64], f: impl Fn(f64) -> f64, truth: f64, sd: f64) -> f64 {
    let n = values.len() as f64;
    (values.iter().map(|value| f(*value)).sum::<f64>() / n - truth) * n.sqrt() / sd
}

/// Kolmogorov and Smirnov's statistic, sqrt(n) times the largest distance between the two distribution functions.
fn kolmogorov_smirnov(values: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distance = |(i, value): (usize, &f64)| {
        let (below, cdf) = (i as f64 / n, cdf(*value));
        (cdf - below).max(below + 1.0 / n - cdf)
    };
    n.sqrt() * sorted.iter().enumerate().map(distance).fold(0.0, f64::max)
}

/// The mean product of values at distance `lag`, in standard errors; the values have variance `variance`.
fn autocorrelation(values: &[f64], mean: f64, variance: f64, lag: usize) -> f64 {
    let pairs = values.iter().zip(&values[lag..]);
    let sum: f64 = pairs.map(|(x, y)| (x - mean) * (y - mean)).sum();
    sum / variance / ((values.len() - lag) as f64).sqrt()
}

#[test]
fn philox_gives_the_answers_its_authors_published() {
    let known = [
        ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ];
    for (counter, key, output) in known {
        assert_eq!(philox(counter, key), output, "counter {counter:08x?}, key {key:08x?}");
    }
}

#[test]
fn a_place_is_the_counter_and_the_seed_is_the_key() {
    for place in PLACES {
        for (number, purpose) in PURPOSES.into_iter().enumerate() {
            for block in [0, 1, 77, u32::MAX] {
                let key = [(place.seed % (1 << 32)) as u32, (place.seed >> 32) as u32];
                let words = philox([block, number as u32, place.transition, place.chain], key);
                assert_eq!(place.words(purpose, block), words, "{place:?} {purpose:?} block {block}");
            }
        }
    }
}

#[test]
fn uniforms_are_the_middles_of_two_to_the_32_parts() {
    for place in PLACES {
        for block in 0..50 {
            let words = place.words(Purpose::Leaf, block);
            let uniforms = place.uniforms(Purpose::Leaf, block);
            for i in 0..4 {
                let middle = (f64::from(words[i]) + 0.5) / 4_294_967_296.0;
                assert_eq!(uniforms[i], middle);
                assert_eq!(place.uniform(Purpose::Leaf, 4 * block + i as u32), middle);
            }
        }
    }
}

#[test]
fn normals_are_box_and_mullers() {
    for place in PLACES {
        for purpose in PURPOSES {
            let normals = normals(place, purpose, 4000);
            for (block, quadruple) in normals.chunks(4).enumerate() {
                let words = place.words(purpose, block as u32);
                for (pair, words) in quadruple.chunks(2).zip(words.chunks(2)) {
                    let radius = (-2.0 * ((f64::from(words[0]) + 0.5) / 4_294_967_296.0).ln()).sqrt();
                    let (quadrant, place_in_it) = (words[1] >> 30, words[1] & (u32::MAX >> 2));
                    let fraction = (f64::from(place_in_it) + 0.5) / 1_073_741_824.0 - 0.5;
                    let angle = (f64::from(quadrant) + fraction) * FRAC_PI_2;
                    for (normal, expected) in pair.iter().zip([radius * angle.cos(), radius * angle.sin()]) {
                        assert!((normal - expected).abs() < 1e-12, "{normal} not {expected}, block {block}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_deviate_does_not_depend_on_how_many_are_asked_for() {
    for place in PLACES {
        let all = normals(place, Purpose::Momentum, 300);
        for count in 0..all.len() {
            assert_eq!(normals(place, Purpose::Momentum, count), all[..count], "the first {count}");
        }
    }
}

#[test]
fn no_two_places_share_words() {
    let seeds = [0, 1, 1 << 32, 1 << 63];
    let numbers = [0, 1, 2, 255, 256, 1 << 16, u32::MAX];
    let mut seen = HashSet::new();
    let mut blocks = 0;
    for seed in seeds {
        for chain in numbers {
            for transition in numbers {
                for purpose in PURPOSES {
                    for block in numbers {
                        seen.insert(StreamKey { seed, chain, transition }.words(purpose, block));
                        blocks += 1;
                    }
                }
            }
        }
    }
    assert_eq!(seen.len(), blocks);
    // By word, too: among n random words of 32 bits, about n^2 / 2^33 pairs coincide.
    let words: HashSet<u32> = seen.iter().flatten().copied().collect();
    // Coincidences are a Poisson variable.
    let coincidences = 4 * blocks - words.len();
    let expected = (4.0 * blocks as f64).powi(2) / 2f64.powi(33);
    assert!(
        (coincidences as f64) < expected + chance::largest(1) * expected.sqrt() + 5.0,
        "{coincidences} of {expected} expected"
    );
}

/// Four moments, the tails and the distribution function of two samples, in their standard errors.
#[test]
fn a_million_normals_are_normal() {
    let normal = Normal::standard();
    let one_place = normals(PLACES[1], Purpose::Momentum, 1_000_000);
    for values in [one_place, million(Purpose::Momentum, normals)] {
        // Var x = 1, Var x^2 = 2, Var x^3 = 15, Var x^4 = 96; skewness and kurtosis about the known mean.
        let moments = [
            ("mean", z_score(&values, |x| x, 0.0, 1.0)),
            ("variance", z_score(&values, |x| x * x, 1.0, 2f64.sqrt())),
            ("skewness", z_score(&values, |x| x.powi(3), 0.0, 15f64.sqrt())),
            ("kurtosis", z_score(&values, |x| x.powi(4), 3.0, 96f64.sqrt())),
        ];
        for (name, z) in moments {
            assert!(z.abs() < chance::largest(10), "{name} is off by {z} standard errors");
        }
        let distance = kolmogorov_smirnov(&values, |x| normal.cdf(x));
        assert!(distance < chance::kolmogorov_smirnov(2), "Kolmogorov-Smirnov {distance}");
        let beyond_four = values.iter().filter(|x| x.abs() > 4.0).count() as f64;
        let expected = 2.0 * normal.cdf(-4.0) * values.len() as f64;
        assert!(
            (beyond_four - expected).abs() < chance::largest(10) * expected.sqrt(),
            "{beyond_four} beyond 4, not {expected}"
        );
    }
}

/// Two moments and the distribution function of two samples, in their standard errors.
#[test]
fn a_million_uniforms_are_uniform() {
    let one_place = uniforms(PLACES[1], Purpose::Leaf, 1_000_000);
    for values in [one_place, million(Purpose::Leaf, uniforms)] {
        assert!(values.iter().all(|u| *u > 0.0 && *u < 1.0));
        let mean = z_score(&values, |u| u, 0.5, (1.0 / 12.0f64).sqrt());
        let variance = z_score(&values, |u| (u - 0.5).powi(2), 1.0 / 12.0, (1.0 / 180.0f64).sqrt());
        let limit = chance::largest(4);
        assert!(
            mean.abs() < limit && variance.abs() < limit,
            "mean off by {mean}, variance by {variance} standard errors"
        );
        let distance = kolmogorov_smirnov(&values, |u| u);
        assert!(distance < chance::kolmogorov_smirnov(2), "Kolmogorov-Smirnov {distance}");
    }
}

/// 21 correlations, in their standard errors.
#[test]
fn neighbours_are_uncorrelated() {
    let (normal, uniform) = (million(Purpose::Momentum, normals), million(Purpose::Leaf, uniforms));
    let squares: Vec<f64> = normal.iter().map(|x| x * x).collect();
    // The next deviate, the other pair of the block, the next block, the next transition, the next chain.
    for lag in [1, 2, 3, 4, 5, 40, 4000] {
        let all = [(&normal, 0.0, 1.0), (&squares, 1.0, 2.0), (&uniform, 0.5, 1.0 / 12.0)];
        for (values, mean, variance) in all {
            let z = autocorrelation(values, mean, variance, lag);
            assert!(z.abs() < chance::largest(21), "lag {lag}: {z} standard errors");
        }
    }
}

#[test]
fn a_stream_is_the_words_of_its_place_in_order() {
    for place in PLACES {
        let words: Vec<u32> = (0..100).flat_map(|block| place.words(Purpose::Stream, block)).collect();
        let mut stream = place.stream(Purpose::Stream);
        assert!(words.iter().all(|word| stream.next_u32() == *word));

        let mut stream = place.stream(Purpose::Stream);
        for pair in words.chunks(2) {
            assert_eq!(stream.next_u64(), u64::from(pair[1]) << 32 | u64::from(pair[0]));
        }

        let mut bytes = [0; 399];
        place.stream(Purpose::Stream).fill_bytes(&mut bytes);
        let expected: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).take(bytes.len()).collect();
        assert_eq!(bytes.as_slice(), expected);
    }
}

#[test]
fn a_stream_serves_everything_that_takes_a_generator() {
    let seed = 0x0123_4567_89ab_cdef_u64;
    let mut by_bytes = Philox::from_seed(seed.to_le_bytes());
    let mut by_place = StreamKey { seed, chain: 0, transition: 0 }.stream(Purpose::Stream);
    assert!((0..100).all(|_| by_bytes.next_u64() == by_place.next_u64()));

    let first = |seed| Philox::seed_from_u64(seed).next_u64();
    assert_eq!(first(7), first(7));
    assert_eq!((0..10_000).map(first).collect::<HashSet<u64>>().len(), 10_000);

    let mut generator = Philox::seed_from_u64(7);
    let mut counts = [0.0f64; 10];
    for _ in 0..100_000 {
        counts[generator.random_range(0..10)] += 1.0;
    }
    let chi_square: f64 = counts.iter().map(|count| (count - 10_000.0).powi(2) / 10_000.0).sum();
    assert!(chi_square < 27.9, "chi-square {chi_square} on 9 degrees of freedom");
    let mean = (0..100_000).map(|_| generator.random::<f64>()).sum::<f64>() / 1e5;
    assert!((mean - 0.5).abs() < chance::largest(2) * (1.0 / 12e5f64).sqrt(), "mean {mean}");
    let heads = (0..100_000).filter(|_| generator.random_bool(0.25)).count() as f64;
    assert!((heads - 25_000.0).abs() < chance::largest(2) * (1e5f64 * 0.25 * 0.75).sqrt(), "{heads} of 25000");
}
