//! Scaling: how the time of a leapfrog of all chains grows with chains, groups or predictors, from each measured size
//! to the next.

use std::fmt;

use serde::Serialize;

use super::timing::Timing;
use crate::experiment;
use crate::model::Likelihood;
use crate::summary::significant;

/// The slope of log time against log size above which growth costs time.
const BEND: f64 = 0.5;

/// A size that grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Along {
    /// The number of chains.
    Chains,
    /// The number of groups.
    Groups,
    /// The number of coefficients: predictors and intercept.
    Coefficients,
}

/// An engine's time as a function of one size, all else equal.
#[derive(Debug, Clone, Serialize)]
pub struct ScalingCurve {
    /// The engine.
    pub engine: &'static str,
    /// How the likelihood is computed.
    pub likelihood: Likelihood,
    /// The size that grows.
    pub along: Along,
    /// The sizes that do not.
    pub fixed: String,
    /// The sizes, ascending.
    pub sizes: Vec<usize>,
    /// Slope of log time against log size from each size to the next: 0 where more costs nothing, 1 where time grows in
    /// proportion.
    pub slopes: Vec<f64>,
    /// The size above which more costs time, if any.
    pub bends_at: Option<usize>,
    /// The team on a device before and after this size, if it changes: lanes of a chain, and numbers of a vector in
    /// each.
    pub team: Option<[(u32, usize); 2]>,
}

impl Along {
    fn size(self, timing: &Timing) -> usize {
        match self {
            Along::Chains => timing.chains as usize,
            Along::Groups => timing.groups,
            Along::Coefficients => timing.predictors + 1,
        }
    }
}

impl fmt::Display for Along {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Along::Chains => "chains",
            Along::Groups => "groups",
            Along::Coefficients => "coefficients",
        })
    }
}

/// The curves of each engine and likelihood, over each size that was measured several times.
pub fn of(timings: &[Timing]) -> Vec<ScalingCurve> {
    let mut all = Vec::new();
    for along in [Along::Chains, Along::Groups, Along::Coefficients] {
        let others = [Along::Chains, Along::Groups, Along::Coefficients].into_iter().filter(|other| *other != along);
        let others: Vec<Along> = others.collect();
        let key = |timing: &Timing| {
            let fixed = others.iter().map(|other| other.size(timing)).collect::<Vec<usize>>();
            (timing.engine, timing.likelihood.to_string(), fixed)
        };
        let mut keys: Vec<_> = timings.iter().map(key).collect();
        keys.sort();
        keys.dedup();
        for of in keys {
            let mut line: Vec<&Timing> = timings.iter().filter(|timing| key(timing) == of).collect();
            line.retain(|timing| timing.leapfrogs_per_second.is_some());
            line.sort_by_key(|timing| along.size(timing));
            if line.len() > 1 {
                let fixed: Vec<String> =
                    others.iter().zip(&of.2).map(|(other, size)| format!("{size} {other}")).collect();
                all.push(along_line(along, &line, fixed.join(", ")));
            }
        }
    }
    all
}

/// The curve of one engine's timings, sorted by size.
fn along_line(along: Along, line: &[&Timing], fixed: String) -> ScalingCurve {
    let time =
        |timing: &Timing| timing.leapfrogs_per_second.map_or(f64::NAN, |rate| f64::from(timing.chains) / rate.median);
    let slope = |pair: &[&Timing]| {
        let size = |timing| (along.size(timing) as f64).ln();
        (time(pair[1]) / time(pair[0])).ln() / (size(pair[1]) - size(pair[0]))
    };
    let slopes: Vec<f64> = line.windows(2).map(slope).collect();
    let bend = slopes.iter().position(|slope| *slope > BEND);
    let team = bend.and_then(|i| line[i].team.zip(line[i + 1].team)).map(|(before, after)| [before, after]);
    ScalingCurve {
        engine: line[0].engine,
        likelihood: line[0].likelihood,
        along,
        fixed,
        sizes: line.iter().map(|timing| along.size(timing)).collect(),
        bends_at: bend.map(|i| along.size(line[i])),
        slopes,
        team: team.filter(|[before, after]| before != after),
    }
}

impl fmt::Display for ScalingCurve {
    /// Writes a sentence.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let slopes: Vec<String> = self.slopes.iter().map(|slope| format!("{slope:.2}")).collect();
        let sizes: Vec<String> = self.sizes.iter().map(usize::to_string).collect();
        write!(
            f,
            "{} over {} with {}, {} {}: slopes {}; ",
            self.engine,
            self.likelihood,
            self.fixed,
            sizes.join(", "),
            self.along,
            slopes.join(", ")
        )?;
        match self.bends_at {
            None => write!(f, "it does not bend")?,
            Some(size) => write!(f, "it bends at {size}")?,
        }
        if let Some([before, after]) = self.team {
            let team =
                |(lanes, numbers): (u32, usize)| format!("{lanes} lanes with {numbers} numbers of a vector each");
            write!(f, ", where a chain goes from {} to {}", team(before), team(after))?;
        }
        Ok(())
    }
}

/// Whether the engine that `auto` would choose was the fastest in one cell.
#[derive(Debug, Clone, Serialize)]
pub struct AutoChoice {
    /// How the likelihood is computed.
    pub likelihood: Likelihood,
    /// Number of groups.
    pub groups: usize,
    /// Number of predictors.
    pub predictors: usize,
    /// Number of chains.
    pub chains: u32,
    /// The engine that `auto` would choose for a run that is not short.
    pub takes: &'static str,
    /// The engine with the most leapfrogs a second.
    pub fastest: &'static str,
    /// The fastest rate over that of `auto`'s choice; `None` if the choice was not measured.
    pub times: Option<f64>,
}

impl AutoChoice {
    /// Compares in the cell of these `timings`; `None` where nothing was measured. A `software` device is never chosen.
    pub fn of(timings: &[Timing], software: bool) -> Option<AutoChoice> {
        let candidates = timings.iter().filter(|timing| timing.engine == "cpu" || !software);
        let candidates = candidates.filter_map(|timing| Some((timing.leapfrogs_expected?, timing.engine)));
        let takes = experiment::fastest(candidates).unwrap_or("cpu");
        let rate = |timing: &Timing| timing.leapfrogs_per_second.map(|rate| rate.median);
        let (fastest, best) =
            timings.iter().filter_map(|timing| Some((timing, rate(timing)?))).max_by(|a, b| a.1.total_cmp(&b.1))?;
        let taken = timings.iter().find(|timing| timing.engine == takes).and_then(rate);
        Some(AutoChoice {
            likelihood: fastest.likelihood,
            groups: fastest.groups,
            predictors: fastest.predictors,
            chains: fastest.chains,
            takes,
            fastest: fastest.engine,
            times: taken.map(|taken| best / taken),
        })
    }
}

impl fmt::Display for AutoChoice {
    /// Writes a sentence.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let AutoChoice { likelihood, groups, predictors, chains, takes, fastest, .. } = self;
        write!(f, "{groups} groups, {predictors} predictors, {chains} chains over {likelihood}: ")?;
        match self.times {
            _ if takes == fastest => write!(f, "auto takes {takes}, the fastest"),
            Some(times) => write!(f, "auto takes {takes}; the fastest was {fastest} ({} times)", significant(times)),
            None => write!(f, "auto takes {takes}, which was not measured; the fastest was {fastest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Rate;

    fn timing(engine: &'static str, chains: u32, groups: usize, rate: f64, team: Option<(u32, usize)>) -> Timing {
        Timing {
            likelihood: Likelihood::Groups,
            groups,
            predictors: 1,
            chains,
            engine,
            team,
            gradients_per_second: None,
            gradients_ratio: None,
            gradients_split: None,
            leapfrogs_per_second: Rate::of(&[rate]),
            leapfrogs_expected: None,
            leapfrogs_ratio: None,
            leapfrog_nanoseconds: None,
            draws_per_second: None,
            draws_per_chain: None,
            ess_per_draw: None,
            ess_per_second: None,
            ess_ratio: None,
            sampling_split: None,
        }
    }

    #[test]
    fn cost_bends_where_a_device_is_full() {
        // No cost up to 1024 chains, cost in proportion above.
        let rates = [(64, 1e6), (256, 4e6), (1024, 16e6), (4096, 16e6)];
        let timings = rates.map(|(chains, rate)| timing("gpu", chains, 85, rate, None));
        let [bends] = &of(&timings)[..] else { panic!() };
        assert_eq!(
            (bends.along, bends.bends_at, &bends.sizes[..]),
            (Along::Chains, Some(1024), &[64, 256, 1024, 4096][..])
        );
        for (slope, expected) in bends.slopes.iter().zip([0.0, 0.0, 1.0]) {
            assert!((slope - expected).abs() < 1e-12, "{bends:?}");
        }
        assert!(bends.to_string().ends_with("slopes 0.00, 0.00, 1.00; it bends at 1024"), "{bends}");
        assert!(of(&timings[..3])[0].bends_at.is_none());
        assert!(of(&timings[..1]).is_empty());
    }

    #[test]
    fn each_line_is_told_by_itself_with_its_team() {
        let of_size = |groups, rate, team| timing("gpu", 64, groups, rate, Some(team));
        let mut timings = vec![of_size(340, 4e6, (32, 23)), of_size(85, 6e6, (8, 23)), of_size(1360, 1e6, (128, 23))];
        timings.push(timing("cpu", 64, 85, 1e6, None));
        timings.push(timing("cpu", 64, 340, 0.25e6, None));
        let [cpu, gpu] = &of(&timings)[..] else { panic!() };
        assert_eq!((cpu.engine, cpu.bends_at, cpu.team), ("cpu", Some(85), None));
        assert!((cpu.slopes[0] - 1.0).abs() < 1e-12 && (gpu.slopes[1] - 1.0).abs() < 1e-12, "{gpu:?}");
        assert_eq!((gpu.sizes.clone(), gpu.bends_at), (vec![85, 340, 1360], Some(340)));
        assert_eq!(gpu.team, Some([(32, 23), (128, 23)]));
        assert!(gpu.to_string().contains("from 32 lanes with 23 numbers of a vector each to 128 lanes"), "{gpu}");
    }

    #[test]
    fn a_choice_is_held_against_the_fastest() {
        let timings = |cpu, gpu| {
            [("cpu", 1e6, cpu), ("gpu", 3e6, gpu)].map(|(engine, rate, expected)| Timing {
                leapfrogs_expected: expected,
                ..timing(engine, 64, 85, rate, None)
            })
        };
        let choice = |cpu, gpu, software| AutoChoice::of(&timings(cpu, gpu), software).unwrap().to_string();
        let wrong = "auto takes cpu; the fastest was gpu (3.00 times)";
        assert!(choice(Some(2e6), Some(1e6), false).ends_with(wrong));
        assert!(choice(None, None, false).ends_with(wrong));
        assert!(choice(Some(1e6), Some(2e6), false).ends_with("auto takes gpu, the fastest"));
        assert!(choice(Some(1e6), Some(2e6), true).ends_with(wrong));
        assert!(AutoChoice::of(&[], false).is_none());
    }
}
