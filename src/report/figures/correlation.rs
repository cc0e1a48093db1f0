//! Correlated coefficients: the groups' posterior means, pair by pair, in the ellipses of their normal distribution.

use serde::Serialize;
use serde_json::{Value, json};

use super::forest::ForestPart;
use crate::report::coefficients::CorrelatedTerm;
use crate::report::figure::Figure;
use crate::report::run::{ReportedRun, With};
use crate::report::thin::{evenly, rounded};
use crate::report::view::View;
use crate::summary::number;

/// The most coefficients of a term whose pairs are drawn.
const COEFFICIENTS: usize = 4;

/// The most groups that are drawn.
const GROUPS: usize = 400;

/// The shares of all groups that the ellipses hold, and the points of an ellipse.
const SHARES: [f64; 2] = [0.5, 0.9];
const POINTS: usize = 73;

/// A normal distribution about 0 in two dimensions.
#[derive(Debug, Clone, Copy)]
struct Normal2 {
    sds: [f64; 2],
    correlation: f64,
}

/// The points of an ellipse around 0, the first of them once more at the end.
#[derive(Debug, Serialize)]
struct Ellipse {
    share: f64,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Normal2 {
    /// The ellipse of highest density that holds this share of the distribution.
    fn ellipse(self, share: f64) -> Ellipse {
        let radius = (-2.0 * (1.0 - share).ln()).sqrt();
        let across = (1.0 - self.correlation.powi(2)).max(0.0).sqrt();
        let angles = || (0..POINTS).map(|i| std::f64::consts::TAU * i as f64 / (POINTS - 1) as f64);
        let x = angles().map(|angle| radius * self.sds[0] * angle.cos());
        let y = angles().map(|angle| radius * self.sds[1] * (self.correlation * angle.cos() + across * angle.sin()));
        Ellipse { share, x: rounded(x.collect()), y: rounded(y.collect()) }
    }

    /// The share of the distribution that the ellipse through a point holds.
    fn share_within(self, point: [f64; 2]) -> f64 {
        let [x, y] = [point[0] / self.sds[0], point[1] / self.sds[1]];
        let rest = 1.0 - self.correlation.powi(2);
        1.0 - (-0.5 * (x * x - 2.0 * self.correlation * x * y + y * y) / rest).exp()
    }
}

/// A figure of the best run for each correlated term that is not too large.
pub fn figures(view: &View, parts: &With<ForestPart>, best: usize) -> Vec<Figure> {
    let Some((run, part)) = parts.get(best).copied() else { return Vec::new() };
    let several = parts.len() > 1;
    let terms = view.correlated.iter().enumerate().filter(|(_, term)| is_drawn(term));
    terms.filter_map(|(t, term)| figure(view, term, run, part, several, t)).collect()
}

/// Why a formula's model has no figure of correlations, or none of some of its terms.
pub fn omitted(view: &View) -> Vec<String> {
    if !view.of_formula || !view.has_effects {
        return Vec::new();
    }
    if view.correlated.is_empty() {
        return vec![
            "There is no figure of correlations: no term of the formula has correlated coefficients.".to_string(),
        ];
    }
    let large = view.correlated.iter().filter(|term| !is_drawn(term)).map(|term| {
        format!(
            "The correlations by {} are not drawn: the term has {} coefficients, and the page draws the pairs of {COEFFICIENTS} \
             at most; summary.csv has all correlations.",
            view.factors[view.coefficients[term.coefficients.start].factor].factor,
            term.coefficients.len(),
        )
    });
    large.collect()
}

/// Whether a term's pairs are few enough to be drawn.
fn is_drawn(term: &CorrelatedTerm) -> bool {
    term.coefficients.len() <= COEFFICIENTS
}

fn figure(
    view: &View,
    term: &CorrelatedTerm,
    run: &ReportedRun,
    part: &ForestPart,
    several: bool,
    t: usize,
) -> Option<Figure> {
    let coefficients = &view.coefficients[term.coefficients.clone()];
    let groups = &view.factors[coefficients.first()?.factor];
    let drawn = evenly(groups.names.len(), GROUPS);
    let at = |values: &[f64]| rounded(drawn.iter().map(|group| values[*group]).collect());
    let columns =
        coefficients.iter().map(|of| json!({ "name": of.name, "mean": at(part.means(of)), "own": at(part.own(of)) }));
    let columns: Vec<Value> = columns.collect();
    let (mut panels, mut said) = (Vec::new(), Vec::new());
    let pairs = (1..coefficients.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
    for ((i, j), name) in pairs.zip(&term.correlations) {
        let (hyper, row) = (run.hyper(name)?, run.summary.parameters.get(name)?);
        let sds = [run.hyper(&coefficients[j].sigma)?.mean, run.hyper(&coefficients[i].sigma)?.mean];
        let normal = Normal2 { sds, correlation: row.mean };
        let points = part.means(&coefficients[j]).iter().zip(part.means(&coefficients[i]));
        let shares: Vec<f64> = points.map(|(x, y)| normal.share_within([*x, *y])).collect();
        let inside = SHARES.map(|share| shares.iter().filter(|within| **within <= share).count());
        panels.push(json!({
            "name": name, "x": j, "y": i, "density": hyper.density, "mean": row.mean, "q05": row.q05, "q95": row.q95,
            "ellipses": SHARES.map(|share| normal.ellipse(share)),
        }));
        said.push(format!(
            "{name} is {} (90 %: {} to {}), and {} and {} of the {} posterior means are inside the two ellipses",
            number(row.mean, 2),
            number(row.q05, 2),
            number(row.q95, 2),
            inside[0],
            inside[1],
            shares.len(),
        ));
    }
    let names: Vec<&String> = drawn.iter().map(|group| &groups.names[*group]).collect();
    let data = json!({ "slot": run.slot, "groups": names, "columns": columns, "panels": panels });
    let of = if several { format!(", {}", run.name) } else { String::new() };
    let some = match drawn.len() {
        shown if shown < groups.names.len() => format!("{shown} of the {} groups are drawn. ", groups.names.len()),
        _ => String::new(),
    };
    let pooling = match part.has_own() {
        true => {
            " A line leads from what a group's own data alone would say (ring) to its posterior mean: pooling pulls it into the \
             ellipses, towards complete pooling in their centre."
        }
        false => "",
    };
    Some(Figure::new("correlation", format!("Correlated coefficients by {}{of}", groups.factor), data)
        .called(format!("correlation-{}", t + 1))
        .captioned(
            format!(
                "Each group's posterior means (dot), and the ellipses that hold 50 % and 90 % of all groups if sds and \
                 correlation are at their posterior means; below, the density of the correlation. Posterior means lie closer \
                 together than the groups' deviations themselves, so that more of them are inside.{pooling}"
            ),
            format!("{some}{}.", said.join("; ")),
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ellipse_holds_its_share() {
        let normal = Normal2 { sds: [2.0, 0.5], correlation: -0.6 };
        for share in SHARES {
            let Ellipse { x, y, .. } = normal.ellipse(share);
            assert_eq!((x.len(), x[0], y[0]), (POINTS, x[POINTS - 1], y[POINTS - 1]));
            for (x, y) in x.iter().zip(&y) {
                let within = normal.share_within([*x, *y]);
                assert!((within - share).abs() < 1e-3, "{share}: {x}, {y} is at {within}");
            }
        }
        // Without correlation, along an axis: a chi-squared of two degrees of freedom at 1.
        let round = Normal2 { sds: [3.0, 1.0], correlation: 0.0 };
        assert!((round.share_within([3.0, 0.0]) - 0.393_469).abs() < 1e-6);
    }
}
