//! Throughput against the number of chains, a line for each engine and way to compute the likelihood.

use serde_json::json;

use crate::bench::{Bench, Rate, Timing};
use crate::density::Likelihood;
use crate::report::figure::Figure;
use crate::summary::{counted, significant};

/// One panel's rates.
type Measure = fn(&Timing) -> Option<Rate>;

/// What a panel shows.
const MEASURES: [(&str, Measure); 3] = [
    ("gradients a second", |timing| timing.gradients_per_second),
    ("leapfrogs a second", |timing| timing.leapfrogs_per_second),
    ("effective draws a second", |timing| timing.ess_per_second),
];

/// A panel for each measure; `None` where nothing was timed.
pub fn figure(bench: &Bench) -> Option<Figure> {
    let panels: Vec<_> = MEASURES
        .iter()
        .filter_map(|(name, measure)| {
            let points: Vec<_> = bench
                .timings
                .iter()
                .filter_map(|timing| {
                    let rate = measure(timing)?;
                    Some(json!({
                        "engine": timing.engine, "likelihood": word(timing.likelihood), "chains": timing.chains,
                        "rate": rate.median, "low": rate.smallest, "high": rate.largest,
                    }))
                })
                .collect();
            (!points.is_empty()).then(|| json!({ "name": name, "points": points }))
        })
        .collect();
    let fastest: Vec<String> = MEASURES
        .iter()
        .filter_map(|(name, measure)| {
            let rates = bench.timings.iter().filter_map(|timing| Some((measure(timing)?.median, timing)));
            let (rate, timing) = rates.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
            let chains = counted(u64::from(timing.chains), "chain");
            Some(format!(
                "most {name}: {} ({} over {}, {chains})",
                significant(rate),
                timing.engine,
                word(timing.likelihood)
            ))
        })
        .collect();
    let adapter = bench.adapter.as_ref().map_or("no GPU".to_string(), |adapter| adapter.name.clone());
    let data = &bench.data;
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

fn word(likelihood: Likelihood) -> &'static str {
    match likelihood {
        Likelihood::Groups => "groups",
        Likelihood::Observations => "observations",
    }
}
