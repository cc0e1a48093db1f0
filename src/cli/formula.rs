//! Reads the data of a formula, and its structure: for a new run, and for one that is resumed.

use std::sync::Arc;

use anyhow::anyhow;
use warpnuts::data::{DataError, Dataset, FileRows, Frame, HeaderHint, WantedColumn};
use warpnuts::family::{Family, OutcomeKind};
use warpnuts::formula::Formula;
use warpnuts::model::{Mixed, MixedPriors, Model, RowColumns, outcomes};

use super::Failure;
use super::arguments::DataArguments;

/// The formula, its priors, and the checksum of its data if a file is named, of the model of an interrupted run with
/// what was typed in the place of its own.
pub fn again(
    data: &DataArguments,
    priors: &[String],
    model: &Model,
    mixed: &Mixed,
) -> Result<(String, String, Option<String>), Failure> {
    let text = data.formula.as_deref().unwrap_or(&mixed.formula);
    let of_sigma = mixed.sigma.as_ref().map(|sigma| &sigma.formula[..]);
    let of_sigma = data.sigma_formula.as_deref().or(of_sigma.filter(|_| data.formula.is_none()));
    let typed = parse(text, of_sigma)?;
    let (normal, sigma) = (typed.to_string(), typed.sigma());
    let RowColumns { weights, offset, errors, with_sigma } = mixed.rows.clone();
    let rows = RowColumns {
        weights: data.weights.clone().or(weights),
        offset: data.offset.clone().or(offset),
        errors: data.se.clone().or(errors),
        with_sigma: data.with_sigma || with_sigma,
    };
    let family = if data.family.is_none() && data.link.is_none() { mixed.family } else { data.family()? };
    let normal = Mixed::line_of(&normal, family, sigma.as_deref(), &rows);
    if normal != mixed.line() || data.data.is_none() && priors.is_empty() {
        return Ok((normal, mixed.prior_list(model.dataset()).join(", "), None));
    }
    let default = MixedPriors::for_data(model.dataset(), mixed.family, &mixed.population, &mixed.terms);
    let typed = Mixed { priors: if priors.is_empty() { mixed.priors.clone() } else { default }, ..mixed.clone() };
    let typed = typed.with_priors(model.dataset(), priors).map_err(Failure::input)?;
    let checksum = match &data.data {
        Some(_) => Some(read(data, (text, of_sigma), family, rows, &[])?.0.checksum()),
        None => None,
    };
    Ok((normal, typed.prior_list(model.dataset()).join(", "), checksum))
}

/// The formula, with one of sigma if there is one.
fn parse(text: &str, of_sigma: Option<&str>) -> Result<Formula, Failure> {
    let formula = Formula::parse(text).map_err(Failure::input)?;
    match of_sigma {
        Some(text) => formula.with_sigma(text).map_err(Failure::input),
        None => Ok(formula),
    }
}

/// Reads the data of a formula, and perhaps of one of sigma, and their structure.
pub fn read(
    data: &DataArguments,
    (text, of_sigma): (&str, Option<&str>),
    family: Family,
    rows: RowColumns,
    priors: &[String],
) -> Result<(Arc<Dataset>, Arc<Mixed>), Failure> {
    let formula = parse(text, of_sigma)?;
    let references = data.references.iter().map(|reference| match reference.split_once('=') {
        Some((column, level)) => Ok((column.trim().to_string(), level.trim().to_string())),
        None => Err(Failure::Input(anyhow!("--reference {reference}: write a column and a level, such as dose=high"))),
    });
    let references = references.collect::<Result<Vec<_>, Failure>>()?;
    let beside = [&rows.weights, &rows.offset, &rows.errors].into_iter().flatten();
    let beside = beside.map(|name| WantedColumn { name: name.clone(), as_value: true, as_label: false });
    let wanted: Vec<WantedColumn> = formula.wanted().into_iter().chain(beside).collect();
    let reading = data.reading.meaning();
    let frame = match &data.data {
        Some(path) => Frame::from_path_with(path, &wanted, &reading),
        None => Frame::from_built_in(&wanted),
    };
    let frame = frame.map_err(|error| match &error {
        // With a caret under the name, unless something is wrong with the header.
        DataError::MissingColumn { columns, hint: HeaderHint::None, .. } => {
            formula.check_columns(columns).map_or_else(Failure::input, |()| Failure::input(error))
        }
        _ => Failure::input(error),
    })?;
    let two_levels = family.outcomes() == OutcomeKind::Successes;
    let (design, learnt) = formula.learn(&frame, &references, two_levels).map_err(Failure::input)?;
    outcomes::check(&frame, &design, family).map_err(Failure::input)?;
    refuse_columns_beside(family, &rows, of_sigma.is_some())?;
    let of_rows = |name: &Option<String>, what, positive| match name {
        Some(name) => frame.of_rows(name, what, positive).map(Some).map_err(Failure::input),
        None => Ok(None),
    };
    let errors = of_rows(&rows.errors, "standard errors", true)?;
    // In the place of sigma, errors are weights of rows whose sigma is 1.
    let (errors, precisions) = match rows.with_sigma {
        true => (errors, None),
        false => (None, errors.map(|errors| errors.iter().map(|error| error.powi(-2)).collect())),
    };
    let file = FileRows {
        weights: of_rows(&rows.weights, "weights", true)?.or(precisions),
        offset: of_rows(&rows.offset, "offsets", false)?,
        errors,
        sources: learnt.sources(&frame),
        ..frame.rows()
    };
    let (dataset, mixed) = Mixed::of_design(&formula, family, design, file).map_err(Failure::input)?;
    let mixed = Mixed { rows, learnt: Some(learnt), ..mixed };
    let mixed = mixed.with_priors(&dataset, priors).map_err(Failure::input)?;
    Ok((Arc::new(dataset), Arc::new(mixed)))
}

/// Refuses weights, known errors and formulas of sigma of families that have no sd which they could change.
fn refuse_columns_beside(family: Family, rows: &RowColumns, has_sigma_formula: bool) -> Result<(), Failure> {
    let refused = |option: &str, remedy: &str| {
        Err(Failure::Input(anyhow!(
            "{option} says how the sd of a row differs, and outcomes are {}; {remedy}",
            family.name()
        )))
    };
    if rows.errors.is_some() && family != Family::Gaussian {
        return refused("--se", "leave it out, or take --family gaussian");
    }
    if has_sigma_formula && !family.is_location_scale() {
        return refused("--sigma-formula", "leave it out, or take --family gaussian, student or lognormal");
    }
    if rows.weights.is_some() && !family.is_location_scale() {
        let remedy = match family.outcomes() {
            OutcomeKind::Successes => "write the number of trials in the formula, as in `k | trials(n) ~ ...`",
            OutcomeKind::Count => "write the logarithm of an exposure into a column, and name it with --offset",
            OutcomeKind::Real | OutcomeKind::Positive => "leave it out",
        };
        return refused("--weights", remedy);
    }
    Ok(())
}
