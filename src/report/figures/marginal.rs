//! The marginal density of sigma: each run's density and mean, and the exact density.

use serde_json::json;

use crate::exact::Exact;
use crate::report::caption::{each, percent};
use crate::report::figure::Figure;
use crate::report::kde::{Curve, DensityGrid};
use crate::report::run::{POINTS, ReportedRun};
use crate::report::view::View;
use crate::summary::{decimals, number};

/// The exact posterior of sigma.
#[derive(Debug, Clone)]
pub struct Truth {
    /// Posterior mean.
    pub mean: f64,
    /// The density.
    pub density: Curve,
}

impl Truth {
    /// The density over the visible range of all runs; `None` if sigma has no exact density.
    pub fn of(exact: &Exact, view: &View, runs: &[ReportedRun]) -> Option<Truth> {
        let i = exact.names().iter().position(|name| *name == view.shown().sigma)?;
        let grid = grid(view, runs)?;
        let y = grid.points(POINTS).map(|x| exact.density(i, x)).map(|y| if y.is_finite() { y } else { 0.0 });
        Some(Truth { mean: exact.mean(i), density: Curve::new(grid, y.collect()) })
    }
}

/// The visible range of sigma in all runs.
pub fn grid(view: &View, runs: &[ReportedRun]) -> Option<DensityGrid> {
    runs.iter().filter_map(|run| Some(run.hyper(&view.shown().sigma)?.grid)).reduce(DensityGrid::union)
}

/// All densities in one panel.
pub fn figure(view: &View, runs: &[ReportedRun], truth: Option<&Truth>) -> Option<Figure> {
    let sigma = &view.shown().sigma;
    let mut curves = Vec::new();
    let mut said = Vec::new();
    for run in runs {
        let (hyper, row) = (run.hyper(sigma)?, run.summary.parameters.get(sigma)?);
        curves.push(json!({ "run": run.name, "slot": run.slot, "mean": hyper.mean, "density": hyper.density }));
        let digits = decimals(row.mcse_mean);
        let mut words = format!("mean {} ± {} (MCSE)", number(row.mean, digits), number(row.mcse_mean, digits));
        if let Some(truth) = truth {
            let off = row.mean - truth.mean;
            let sign = if off < 0.0 { "-" } else { "+" };
            words += &format!(", {sign}{} from the exact mean", number(off.abs(), digits));
        }
        if hyper.beyond > 0.002 {
            words += &format!("; {} of the draws are beyond the axis", percent(hyper.beyond));
        }
        said.push((run.name.clone(), words));
    }
    let grid = grid(view, runs)?;
    let exact = truth.map(|truth| json!({ "mean": truth.mean, "density": truth.density }));
    let data = json!({ "x": sigma, "low": grid.low, "high": grid.high, "curves": curves, "exact": exact });
    let truth_said =
        truth.map_or(String::new(), |truth| format!(" The exact mean, by quadrature, is {}.", number(truth.mean, 4)));
    let look = match (runs.len(), truth) {
        (_, Some(_)) => {
            "Densities should lie on the exact one (dotted); one that lacks small values has not been to the neck of \
                         the funnel, and its mean (dashed) is too large."
        }
        (1, None) => "Density close to zero says that groups may not differ at all; the dashed line is the mean.",
        (_, None) => {
            "Densities of the same posterior should agree; one that lacks small values has not been to the neck of the \
                      funnel, and its mean (dashed) is too large."
        }
    };
    Some(
        Figure::new("marginal", format!("Marginal density of {sigma}"), data)
            .captioned(look, format!("{}{truth_said}", each(said))),
    )
}
