//! The table of a formula's rows on a device.

use super::factor_chunks::FactorChunks;
use super::mixed_shape::MixedShape;
use super::row_shape::numbers_of;
use crate::model::{MixedMap, Model};

/// The lists of rows, chunks and levels of each factor, then the numbers of each row.
pub fn table_of_rows(model: &Model, map: &MixedMap, shape: &MixedShape) -> Vec<u32> {
    let (design, rows, row) = (model.design(), shape.likelihood(), &shape.row);
    let mut table = Vec::with_capacity(row.first + row.rows * row.width);
    for FactorChunks { order, starts, levels, .. } in shape.factors.iter().map(|factor| &factor.chunks) {
        table.extend([order, starts, levels].into_iter().flatten());
    }
    let Some(mixed) = model.mixed() else { return table };
    let mut levels = vec![Vec::new(); shape.factors.len()];
    for at in &shape.columns {
        if levels[at.factor].is_empty() {
            levels[at.factor] = model.dataset().level_of_rows(mixed.terms[at.term].factor);
        }
    }
    let population = mixed.population.iter().zip(&map.population.centers).skip(usize::from(row.has_ones));
    let stored = shape.columns.iter().zip(&row.entries).filter(|(_, entry)| **entry > 0);
    for (at, i) in rows.of.iter().copied().enumerate() {
        let (of_family, root) = (numbers_of(model, rows, at), rows.roots[at]);
        table.extend(of_family[..row.numbers].iter().map(|number| number.to_bits()));
        let offset = row.has_offset.then_some(rows.outcomes[at].offset);
        let fixed = population.clone().map(|(k, center)| design.column(*k, i) - center);
        let varying = stored.clone().map(|(at, _)| design.column(mixed.terms[at.term].columns[at.column], i));
        table.extend(offset.into_iter().chain(fixed).chain(varying).map(|number| ((number * root) as f32).to_bits()));
        if let Some((sigma, map)) = model.log_sigma() {
            let of_sigma = sigma.columns.iter().zip(&map.coefficients.centers);
            table.extend(of_sigma.map(|(k, center)| ((design.column(*k, i) - center) as f32).to_bits()));
        }
        table.extend(levels.iter().map(|levels| levels[i]));
    }
    table
}
