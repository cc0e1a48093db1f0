//! Tables for the terminal.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use warpnuts::data::one_line;
use warpnuts::exact::Exact;
use warpnuts::mode;
use warpnuts::model::Role;
use warpnuts::summary::tables::{self, ComparisonCells, SideBySide};
use warpnuts::summary::{Comparison, Parameter, RunSummary, decimals, number};
use warpnuts::verify::Verification;

use super::wrap;

/// A table without lines; the first column is aligned to the left, numbers to the right.
fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_cell_alignment(if i == 0 { CellAlignment::Left } else { CellAlignment::Right });
    }
    table
}

/// A table of these rows.
pub fn of(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = table(header);
    table.add_rows(rows);
    untrailed(&table)
}

/// A table that the page shows too.
pub fn shown(tables::Table { header, rows }: tables::Table) -> String {
    of(&header.iter().map(String::as_str).collect::<Vec<_>>(), rows)
}

/// A row for each variable: hyperparameters, and all group effects where `all` is set.
pub fn parameters(run: &RunSummary, all: bool) -> String {
    let is_effect = |parameter: &Parameter| parameter.role == Some(Role::Effects);
    let hyperparameters = run.parameters.0.iter().take_while(|parameter| !is_effect(parameter)).count();
    let rows = if all { run.parameters.0.len() } else { hyperparameters };
    shown(tables::parameters(run.parameters.0.iter().take(rows), run.max_nested_rhat.is_some()))
}

/// A row for each of the first `rows` variables.
pub fn exact(exact: &Exact, rows: usize) -> String {
    let mut table = table(&["", "mean", "sd", "5 %", "50 %", "95 %"]);
    for (name, row) in exact.names().iter().zip(exact.summary()).take(rows) {
        // Five significant digits of the sd, as many as are exact.
        let decimals = decimals(row.sd) + 3;
        let numbers = [row.mean, row.sd, row.q05, row.q50, row.q95].map(|value| number(value, decimals));
        table.add_row(std::iter::once(one_line(name)).chain(numbers));
    }
    untrailed(&table)
}

/// A row for each of the first `rows` variables.
pub fn verification(verification: &Verification, rows: usize) -> String {
    let mut table = table(&["", "exact mean", "exact sd", "z of mean", "z of sd", "z of 5 %", "z of 95 %"]);
    for scores in verification.scores.iter().take(rows) {
        let decimals = decimals(scores.exact_sd) + 2;
        let truth = [scores.exact_mean, scores.exact_sd].map(|value| number(value, decimals));
        let scores_of = [scores.mean, scores.sd, scores.q05, scores.q95].map(|z| number(z, 2));
        table.add_row(std::iter::once(one_line(&scores.parameter)).chain(truth).chain(scores_of));
    }
    untrailed(&table)
}

/// A row for each point of a path on which the density rises without end.
pub fn path(path: &mode::Path) -> String {
    let names = [path.sigma.as_str(), "log sigma", "log density", "rise a unit", "sd of the effects"];
    let mut table = table(&names);
    for mode::PathPoint { sigma, log_density, rise, spread, .. } in &path.points {
        let scientific = |value: f64| format!("{value:.2e}");
        let numbers = [number(sigma.ln(), 2), number(*log_density, 1), number(*rise, 2), scientific(*spread)];
        table.add_row(std::iter::once(scientific(*sigma)).chain(numbers));
    }
    untrailed(&table)
}

/// A row for each variable: its name, modes and means, the exact one last if there is one.
pub fn modes(rows: Vec<Vec<String>>) -> String {
    let header = ["", "non-centered mode", "marginal mode", "sampled mean", "exact mean"];
    let width = rows.first().map_or(0, Vec::len);
    of(&header[..width], rows.into_iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()))
}

/// A row of two lines for each run, and why there is none of independent draws.
pub fn comparison(comparison: &Comparison) -> String {
    let SideBySide { rhat, runs, exact, no_independent } = SideBySide::of(comparison);
    let focus = format!("{} ± MCSE\nsd", shortened(&one_line(&comparison.focus)));
    let header = [
        "",
        "diver-\ngences",
        &format!("largest\n{rhat}"),
        "smallest\nbulk ESS",
        "smallest\ntail ESS",
        "leapfrogs\na draw",
        "step size\nacceptance",
        "gradients/s\nbulk ESS/s",
        &focus,
    ];
    let row = |run: ComparisonCells| {
        vec![
            run.name,
            run.divergences,
            extreme(run.rhat),
            extreme(run.ess_bulk),
            extreme(run.ess_tail),
            run.leapfrogs,
            format!("{}\n{}", run.step_size, run.acceptance),
            run.rates.map(thousands).join("\n"),
            run.focus.map_or("-".to_string(), |focus| focus.join("\n")),
        ]
    };
    let blank = std::iter::repeat_n(String::new(), 7);
    let exact = exact.map(|exact| ["exact".to_string()].into_iter().chain(blank).chain([exact.join("\n")]).collect());
    let table = of(&header, runs.into_iter().map(row).chain(exact));
    no_independent.map_or(table.clone(), |why| format!("{table}\n{}", wrap(&why)))
}

/// A name of up to 24 characters; a longer one loses its middle (files have the whole name).
fn shortened(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    if characters.len() <= 24 {
        return name.to_string();
    }
    let ends = [&characters[..14], &['…'], &characters[characters.len() - 9..]];
    ends.concat().into_iter().collect()
}

/// The table's text without trailing blanks.
fn untrailed(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_string()).collect::<Vec<_>>().join("\n")
}

/// A value, and below it the name of its variable.
fn extreme(extreme: Option<[String; 2]>) -> String {
    extreme.map_or("-".to_string(), |[value, parameter]| format!("{value}\n{}", shortened(&parameter)))
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
    fn long_names_lose_their_middle() {
        assert_eq!(shortened("b[AITKIN]"), "b[AITKIN]");
        assert_eq!(shortened("a[The Very Long Name of a School (mixed)]"), "a[The Very Lon… (mixed)]");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(thousands(1234567.0), "1,234,567");
        assert_eq!(thousands(999.4), "999");
    }
}
