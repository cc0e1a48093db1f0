//! Throughput against the number of chains, and cost against the size of the model, for each engine and likelihood.

use serde_json::{Value, json};

use crate::bench::{Bench, Rate, Timing};
use crate::report::figure::Figure;
use crate::summary::{counted, significant};

/// The rate that a panel shows.
type Measure = fn(&Timing) -> Option<Rate>;

/// The panels' names and rates.
const MEASURES: [(&str, Measure); 3] = [
    ("gradients a second", |timing| timing.gradients_per_second),
    ("leapfrogs a second", |timing| timing.leapfrogs_per_second),
    ("effective draws a second", |timing| timing.ess_per_second),
];

/// A panel for each measure against the number of chains, and one of cost against the size of the model if several
/// models were timed; `None` without timings.
pub fn figure(bench: &Bench) -> Option<Figure> {
    let several = bench.models.len() > 1;
    let first = bench.timings.first()?;
    let of_first = |timing: &&Timing| (timing.groups, timing.predictors) == (first.groups, first.predictors);
    let point = |timing: &Timing, x: f64, [median, smallest, largest]: [f64; 3]| {
        json!({
            "engine": timing.engine, "likelihood": timing.likelihood, "x": x,
            "rate": median, "low": smallest, "high": largest,
        })
    };
    let panel = |name: &str, along: &str, points: Vec<Value>| {
        (!points.is_empty()).then(|| json!({ "name": name, "along": along, "points": points }))
    };
    let mut panels: Vec<Value> = MEASURES
        .iter()
        .filter_map(|(name, measure)| {
            let rates = bench.timings.iter().filter(of_first).filter_map(|timing| Some((timing, measure(timing)?)));
            let numbers = |rate: Rate| [rate.median, rate.smallest, rate.largest];
            panel(
                name,
                "chains",
                rates.map(|(timing, rate)| point(timing, timing.chains.into(), numbers(rate))).collect(),
            )
        })
        .collect();
    if several {
        let points = bench.timings.iter().filter(|timing| timing.chains == first.chains).filter_map(|timing| {
            // 2 K + 1 hyperparameters and K effects a group, where K counts the intercept.
            let dim = (timing.predictors + 1) * (timing.groups + 2) + 1;
            Some(point(timing, dim as f64, [timing.leapfrog_nanoseconds?; 3]))
        });
        panels.extend(panel("nanoseconds a leapfrog", "coordinates", points.collect()));
    }
    let fastest: Vec<String> = MEASURES
        .iter()
        .filter_map(|(name, measure)| {
            let rates = bench.timings.iter().filter_map(|timing| Some((measure(timing)?.median, timing)));
            let (rate, timing) = rates.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
            let chains = counted(u64::from(timing.chains), "chain");
            Some(format!("most {name}: {} ({} over {}, {chains})", significant(rate), timing.engine, timing.likelihood))
        })
        .collect();
    let adapter = bench.adapter.as_ref().map_or("no GPU".to_string(), |adapter| adapter.name.clone());
    let data = &bench.models.first()?.data;
    (!panels.is_empty()).then(|| {
        Figure::new("throughput", "Throughput against the number of chains", json!({ "panels": panels })).captioned(
            "Both axes are logarithmic: a line that rises at 45 degrees has room for more chains, a flat one has none; where \
             two engines' lines cross, the other one begins to pay. Bars are the range of the repeats.",
            format!(
                "{} observations in {} groups from {}, on {} and {adapter}; {}.",
                data.observations,
                data.groups,
                data.source,
                bench.machine.processor,
                fastest.join("; "),
            ),
        )
    })
}
