//! Tables for the terminal.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use warpnuts::diagnostics::Summary;
use warpnuts::summary::{Comparison, Extreme, Parameter, RunSummary};

/// A table without lines, numbers to the right, the first column to the left.
fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_cell_alignment(if i == 0 { CellAlignment::Left } else { CellAlignment::Right });
    }
    table
}

/// A row for each variable: hyperparameters, and all group effects where `all` is set.
pub fn parameters(run: &RunSummary, all: bool) -> String {
    let nested = run.max_nested_rhat.is_some();
    let rhat = if nested { "nested R-hat" } else { "R-hat" };
    let mut table = table(&["", "mean", "sd", "5 %", "50 %", "95 %", "MCSE", "bulk ESS", "tail ESS", rhat]);
    let hyperparameters = 2 * (run.data.predictors.len() + 1) + 1;
    let rows = if all { run.parameters.0.len() } else { hyperparameters };
    for Parameter { name, summary, nested_rhat } in run.parameters.0.iter().take(rows) {
        let Summary { mean, sd, q05, q50, q95, mcse_mean, ess_bulk, ess_tail, rhat, .. } = *summary;
        // As many decimals as the error of the mean leaves meaning to, and one more.
        let decimals = decimals(mcse_mean);
        let mut cells = vec![name.clone()];
        cells.extend([mean, sd, q05, q50, q95].map(|value| number(value, decimals)));
        cells.push(number(mcse_mean, decimals + 1));
        cells.extend([ess_bulk, ess_tail].map(|value| number(value, 0)));
        cells.push(number(nested_rhat.unwrap_or(rhat), 3));
        table.add_row(cells);
    }
    untrailed(&table)
}

/// A row for each run.
pub fn comparison(comparison: &Comparison) -> String {
    let focus = format!("{}\nmean ± MCSE", comparison.focus);
    let nested = comparison.runs.iter().any(|run| run.max_nested_rhat.is_some());
    let mut table = table(&[
        "",
        "diver-\ngences",
        if nested { "largest\nnested R-hat" } else { "largest\nR-hat" },
        "smallest\nbulk ESS",
        "smallest\ntail ESS",
        "leapfrogs\na draw",
        "step\nsize",
        "accep-\ntance",
        "gradients\na second",
        "bulk ESS\na second",
        &focus,
        "sd",
    ]);
    for run in &comparison.runs {
        let (mean, sd) = run.focus.map_or(("-".to_string(), "-".to_string()), |row| {
            (format!("{} ± {}", number(row.mean, 4), number(row.mcse_mean, 4)), number(row.sd, 4))
        });
        table.add_row(vec![
            run.parameterization.clone(),
            run.divergences.to_string(),
            extreme(if nested { &run.max_nested_rhat } else { &run.max_rhat }, 3),
            extreme(&run.min_ess_bulk, 0),
            extreme(&run.min_ess_tail, 0),
            number(run.leapfrogs_per_draw, 1),
            number(run.step_size, 3),
            number(run.acceptance, 2),
            thousands(run.gradients_per_second),
            thousands(run.ess_per_second),
            mean,
            sd,
        ]);
    }
    untrailed(&table)
}

/// The table's text without the blanks at the ends of its lines.
fn untrailed(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_string()).collect::<Vec<_>>().join("\n")
}

/// A value, and below it whose it is.
fn extreme(extreme: &Option<Extreme>, decimals: usize) -> String {
    extreme
        .as_ref()
        .map_or("-".to_string(), |extreme| format!("{}\n{}", number(extreme.value, decimals), extreme.parameter))
}

/// Decimals that show two digits of `error`.
fn decimals(error: f64) -> usize {
    if error > 0.0 && error.is_finite() { (1.0 - error.log10().floor()).clamp(0.0, 12.0) as usize } else { 4 }
}

/// A number with so many decimals, or in scientific notation where that would be long.
fn number(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        "-".to_string()
    } else if value.abs() >= 1e9 || decimals > 9 {
        format!("{value:.4e}")
    } else {
        format!("{value:.decimals$}")
    }
}

/// A whole number with commas between thousands.
pub fn thousands(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_string();
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_what_they_know() {
        assert_eq!(decimals(0.0123), 3);
        assert_eq!(decimals(1.5), 1);
        assert_eq!(decimals(1234.0), 0);
        assert_eq!(number(1.23456, 3), "1.235");
        assert_eq!(number(f64::NAN, 3), "-");
        assert_eq!(number(1.5e-9, 11), "1.5000e-9");
        assert_eq!(thousands(1234567.0), "1,234,567");
        assert_eq!(thousands(999.4), "999");
    }
}
