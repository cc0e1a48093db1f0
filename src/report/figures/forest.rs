//! The forest: each group's effects with intervals, beside its own least-squares estimate and its size.

use serde_json::{Value, json};

use super::least_squares;
use crate::experiment::Sampled;
use crate::family::Family;
use crate::mode::spread;
use crate::report::coefficients::VaryingCoefficient;
use crate::report::figure::Figure;
use crate::report::run::{ReportedRun, With};
use crate::report::thin::Rounding;
use crate::report::view::View;
use crate::summary::{RunSummary, counted, significant};

/// The most numbers of the figure, approximately.
const NUMBERS: usize = 100_000;

/// The effects of a run, coefficient by coefficient in each array.
#[derive(Debug, Clone)]
pub struct ForestPart {
    /// The index of the first effect among the named variables.
    first: usize,
    means: Vec<f64>,
    q05: Vec<f64>,
    q25: Vec<f64>,
    q75: Vec<f64>,
    q95: Vec<f64>,
    /// The groups' own estimates, `NaN` where there are none; of the shorthand, equal for all runs.
    own: Vec<f64>,
}

impl ForestPart {
    /// All effects of a run.
    pub fn of(sampled: &Sampled, summary: &RunSummary) -> ForestPart {
        let (model, dataset) = (&sampled.model, sampled.model.dataset());
        let first = model.layout().hyperparameters();
        let (hyperparameters, rows) = summary.parameters.0.split_at(first);
        let of = |value: fn(&crate::diagnostics::Summary) -> f64| rows.iter().map(|row| value(&row.summary)).collect();
        let own = match model.mixed() {
            None => Some(least_squares::of_coefficients(dataset)),
            // Least squares are for normal outcomes.
            Some(mixed) if mixed.family != Family::Gaussian => None,
            Some(mixed) => {
                let means: Vec<f64> = hyperparameters.iter().map(|row| row.summary.mean).collect();
                least_squares::of_deviations(dataset, mixed, &means)
            }
        };
        ForestPart {
            first,
            means: of(|row| row.mean),
            q05: of(|row| row.q05),
            q25: of(|row| row.quartiles[0]),
            q75: of(|row| row.quartiles[1]),
            q95: of(|row| row.q95),
            own: own.unwrap_or_else(|| vec![f64::NAN; rows.len()]),
        }
    }

    /// Posterior means of a coefficient in every group.
    pub fn means(&self, of: &VaryingCoefficient) -> &[f64] {
        self.at(&self.means, of)
    }

    /// Own estimates of a coefficient in every group.
    pub fn own(&self, of: &VaryingCoefficient) -> &[f64] {
        self.at(&self.own, of)
    }

    /// Whether any group has an estimate of its own.
    pub fn has_own(&self) -> bool {
        self.own.iter().any(|own| own.is_finite())
    }

    fn at<'a>(&self, values: &'a [f64], of: &VaryingCoefficient) -> &'a [f64] {
        &values[of.effects.start - self.first..of.effects.end - self.first]
    }
}

/// All groups, or those with the smallest and largest effects if there are too many.
pub fn figure(view: &View, parts: &With<ForestPart>, best: usize) -> Option<Figure> {
    let (run, part) = parts.get(best).copied()?;
    let held: Vec<Vec<usize>> = (0..view.factors.len()).map(|factor| held(view, part, factor, parts.len())).collect();
    let effects = |part: &ForestPart| {
        let of = view.coefficients.iter().map(|of| numbers(part, of, &held[of.factor]));
        of.collect::<Vec<_>>()
    };
    let groups = |factor: usize| {
        let (of, held) = (&view.factors[factor], &held[factor]);
        json!({
            "groups": held.iter().map(|group| &of.names[*group]).collect::<Vec<_>>(),
            "sizes": held.iter().map(|group| of.sizes[*group]).collect::<Vec<_>>(),
            "all": of.names.len(),
        })
    };
    let mut data = match view.factors.len() {
        1 => groups(0),
        several => json!({
            "factors": (0..several).map(groups).collect::<Vec<_>>(),
            "factorOf": view.coefficients.iter().map(|of| of.factor).collect::<Vec<_>>(),
        }),
    };
    data["coefficients"] = view.coefficients.iter().map(|of| of.name.as_str()).collect();
    data["coefficient"] = view.coefficient.into();
    data["best"] = best.into();
    let runs = parts.iter().map(|(run, part)| json!({ "run": run.name, "slot": run.slot, "effects": effects(part) }));
    data["runs"] = runs.collect();
    let left_out = held.iter().zip(&view.factors).filter(|(held, of)| held.len() < of.names.len()).map(|(held, of)| {
        let factor = if view.factors.len() > 1 { format!(" of {}", of.factor) } else { String::new() };
        format!(
            " The page holds the {} smallest and the {} largest of the {} groups{factor}; summary.csv has all.",
            held.len() / 2,
            held.len() - held.len() / 2,
            of.names.len(),
        )
    });
    let words = format!("{}{}", shrinkage(view, run, part), left_out.collect::<String>());
    let of = if parts.len() > 1 { format!(", {}", run.name) } else { String::new() };
    Some(Figure::new("forest", format!("Group effects{of}"), data).captioned(look(view, part), words))
}

/// The groups of a factor that the page of `runs` runs holds, ascending.
fn held(view: &View, part: &ForestPart, factor: usize, runs: usize) -> Vec<usize> {
    let names = &view.factors[factor].names;
    let groups = names.len();
    let of_factor = || view.coefficients.iter().filter(|of| of.factor == factor);
    let shown = view.shown();
    let Some(sorting) = of_factor().find(|of| of.effects == shown.effects).or(of_factor().next()) else {
        return Vec::new();
    };
    let means = part.means(sorting);
    let mut order: Vec<usize> = (0..groups).collect();
    order.sort_by(|a, b| means[*a].total_cmp(&means[*b]));
    let letters: usize = names.iter().map(String::len).sum();
    let coefficients = of_factor().count();
    let a_group = runs * coefficients * 5 + coefficients + letters / (6 * groups.max(1)) + 2;
    let room = (NUMBERS / view.factors.len() / a_group).max(40);
    if groups > room {
        order.drain(room / 2..groups - room / 2);
    }
    order.sort_unstable();
    order
}

/// The numbers of a coefficient in the groups `held`, rounded.
fn numbers(part: &ForestPart, of: &VaryingCoefficient, held: &[usize]) -> Value {
    let end = |values: &[f64], pick: fn(f64, f64) -> f64, start| part.at(values, of).iter().copied().fold(start, pick);
    let ends = (end(&part.q05, f64::min, f64::INFINITY), end(&part.q95, f64::max, f64::NEG_INFINITY));
    let at = |values: &[f64]| {
        let mine = part.at(values, of);
        Rounding::within(ends.0, ends.1).all(held.iter().map(|group| mine[*group]))
    };
    json!({
        "mean": at(&part.means), "q05": at(&part.q05), "q25": at(&part.q25), "q75": at(&part.q75), "q95": at(&part.q95),
        "own": at(&part.own),
    })
}

fn look(view: &View, part: &ForestPart) -> String {
    match (view.of_formula, part.has_own()) {
        (false, _) => {
            "Posterior mean (dot), 50 % (thick) and 90 % (thin) intervals of each group, beside what its own data alone would say \
             (ring, by least squares): the fewer its observations, the more a group is pulled to the mean of all."
        }
        (true, true) => {
            "Posterior mean (dot), 50 % (thick) and 90 % (thin) intervals of each group's deviation from the population, between \
             no pooling, which is what its own data alone would say (ring, by least squares about the population-level \
             coefficients' posterior means), and complete pooling, which is 0: the fewer its observations, the more a group is \
             pulled to 0."
        }
        (true, false) => {
            "Posterior mean (dot), 50 % (thick) and 90 % (thin) intervals of each group's deviation from the population; complete \
             pooling would be 0."
        }
    }
    .to_string()
}

/// The effect of pooling, in numbers.
fn shrinkage(view: &View, run: &ReportedRun, part: &ForestPart) -> String {
    let (shown, groups) = (view.shown(), view.groups());
    let (own, means) = (part.own(shown), part.means(shown));
    if view.of_formula && view.factors.len() > 1 {
        let sigma = run.hyper(&shown.sigma).map_or(f64::NAN, |hyper| hyper.mean);
        let factors: Vec<&str> = view.factors.iter().map(|of| of.factor.as_str()).collect();
        return format!(
            "Posterior means of {} spread by {} (sd over {} groups); the posterior mean of {} is {}. There are no rings for \
             what a group's own data alone would say: each row belongs to a group of each of {}, and one group's rows do not \
             say to which of these a deviation belongs.",
            shown.name,
            significant(spread(means)),
            means.len(),
            shown.sigma,
            significant(sigma),
            factors.join(" and "),
        );
    }
    let both: Vec<usize> = (0..own.len()).filter(|group| own[*group].is_finite()).collect();
    let missing = match own.len() - both.len() {
        0 => String::new(),
        missing => format!(
            " {missing} of {} groups have no estimate of {} of their own, for their data do not determine it.",
            own.len(),
            shown.name
        ),
    };
    if both.len() < 2 {
        return missing.trim_start().to_string();
    }
    let of = |values: &[f64]| spread(&both.iter().map(|group| values[*group]).collect::<Vec<_>>());
    let farthest = both.iter().max_by(|a, b| {
        let moved = |group: usize| (own[group] - means[group]).abs();
        moved(**a).total_cmp(&moved(**b))
    });
    let farthest = farthest.map_or(String::new(), |group| {
        format!(
            " The farthest is pulled {} ({}): from {} to {}.",
            groups.names[*group],
            counted(groups.sizes[*group] as u64, "observation"),
            significant(own[*group]),
            significant(means[*group])
        )
    });
    format!(
        "Own estimates of {} spread by {} (sd over {} groups), posterior means by {}.{farthest}{missing}",
        shown.name,
        significant(of(own)),
        both.len(),
        significant(of(means)),
    )
}
