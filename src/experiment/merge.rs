//! Merging of shards into one store. Shards of different experiments, overlapping shards and gaps are refused.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use super::identity::Difference;
use super::stored::{MERGING, settings_attribute};
use super::{Goal, Sampled, Settings};
use crate::draws::store::{StoreError, Writer};
use crate::driver::Tuned;
use crate::engine::{DrawBlock, DrawSink};
use crate::model::Model;
use crate::nuts::Statistic;

/// Shards of one experiment, in the order of their chains.
#[derive(Debug)]
pub struct Merging {
    shards: Vec<Sampled>,
    settings: Settings,
}

/// Why shards cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The shards are not of one experiment.
    #[error(
        "{first} and {second} do not belong together: {what} differ ({ours} and {theirs}); merge shards of one experiment"
    )]
    Different { first: String, second: String, what: &'static str, ours: String, theirs: String },
    /// Two shards have the same chain.
    #[error("{first} and {second} both have chain {chain}; leave one of them out")]
    Overlap { first: String, second: String, chain: u32 },
    /// No shard has these chains.
    #[error("chains {from} to {to} are missing, between {first} and {second}; add the shard that has them")]
    Gap { first: String, second: String, from: u32, to: u32 },
    /// A run that ended once it was precise.
    #[error(
        "{shard} ended where its own draws were enough (--until {goal}), and shards of one experiment have equally many; \
         merge runs without --until"
    )]
    Until { shard: String, goal: Goal },
    /// A shard is not complete.
    #[error("{shard} has {draws} of {planned} draws of each chain; finish it with `warpnuts sample --resume {shard}`")]
    Incomplete { shard: String, draws: u32, planned: u32 },
}

/// The folder of a run, for messages: the folder above its store, if there is one.
fn name(shard: &Sampled) -> String {
    let folder = shard.draws.store().map_or(Path::new(""), |store| store.folder());
    folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(folder).display().to_string()
}

impl Merging {
    /// Checks that `shards` can be merged.
    ///
    /// # Errors
    /// If they cannot.
    pub fn of(mut shards: Vec<Sampled>) -> Result<Merging, MergeError> {
        shards.sort_by_key(|shard| shard.settings.first_chain);
        for shard in &shards {
            if let Some(goal) = shard.settings.until {
                return Err(MergeError::Until { shard: name(shard), goal });
            }
            if shard.interrupted {
                let (draws, planned) = (shard.run.draws, shard.settings.draws);
                return Err(MergeError::Incomplete { shard: name(shard), draws, planned });
            }
        }
        for pair in shards.windows(2) {
            let [first, second] = pair else { continue };
            let difference = first.identity().differences(&second.identity()).into_iter().next();
            if let Some(Difference { what, ours, theirs, .. }) = difference {
                return Err(MergeError::Different { first: name(first), second: name(second), what, ours, theirs });
            }
            let behind = first.settings.first_chain + first.settings.chains;
            let next = second.settings.first_chain;
            let (first, second) = (name(first), name(second));
            if next < behind {
                return Err(MergeError::Overlap { first, second, chain: next });
            }
            if next > behind {
                return Err(MergeError::Gap { first, second, from: behind, to: next - 1 });
            }
        }
        let chains = shards.iter().map(|shard| shard.settings.chains).sum();
        let settings = shards[0].settings;
        let shard_of = settings.shard_of.filter(|whole| *whole != chains);
        Ok(Merging { settings: Settings { chains, shard_of, ..settings }, shards })
    }

    /// The settings of the whole experiment.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.shards[0].model
    }

    /// Writes the whole experiment into a store in an existing folder.
    ///
    /// # Errors
    /// If the store cannot be written, or a chunk of a shard is damaged.
    pub fn into_store(self, folder: &Path) -> io::Result<Sampled> {
        let Merging { shards, settings } = self;
        let (first, model) = (&shards[0], shards[0].model.clone());
        let stores: Vec<_> = shards.iter().filter_map(|shard| shard.draws.store()).collect();
        let mut about = stores[0].about().clone();
        about.insert("settings".to_string(), settings_attribute(&settings));
        let sum = |part: &dyn Fn(&Sampled) -> [u64; 2]| -> Vec<u64> {
            let all = |i: usize| shards.iter().map(|shard| part(shard)[i]).fold(0, u64::saturating_add);
            (0..2).map(all).collect()
        };
        about.insert("divergences".to_string(), sum(&|shard| shard.run.divergences).into());
        about.insert("gradients".to_string(), sum(&|shard| shard.run.gradients).into());
        about.insert(MERGING.to_string(), true.into());
        // A single process would have learnt one metric; if the shards have several, none is recorded.
        let same = stores.iter().all(|store| store.learnt() == stores[0].learnt());
        let learnt: Option<&Tuned> = stores[0].learnt().filter(|_| same);
        let extent = settings.extent(&model);
        let writing = settings.writing(Duration::MAX);
        let mut writer = Writer::create(folder, model, extent, writing, learnt, about)?;
        if let Some(spread) = learnt.and_then(|learnt| learnt.spread.as_ref()) {
            writer.warmed(spread);
        }
        let row = stores.iter().map(|store| store.row()).min().unwrap_or(1);
        let (variables, chains) = (stores[0].variables(), extent.chains);
        let (mut values, mut statistics) = (Vec::new(), Vec::new());
        let rows =
            |warmup: bool, draws: usize| (0..draws).step_by(row).map(move |from| (warmup, from, row.min(draws - from)));
        for (warmup, from, count) in rows(true, stores[0].warmup_draws()).chain(rows(false, first.draws.draws())) {
            values.clear();
            statistics.clear();
            for store in &stores {
                let (part, draws) = (0..store.chains(), from..from + count);
                let numbers = if warmup { store.warmup_part(part, draws) } else { store.part(part, draws) };
                if let Some(damage) = store.damage().first() {
                    return Err(io::Error::other(damage.to_string()));
                }
                let counted = extent.statistics().len();
                let width = if warmup { variables + counted } else { store.width() };
                for numbers in numbers.chunks_exact(width) {
                    let (named, rest) = numbers.split_at(variables);
                    values.extend_from_slice(named);
                    // Log likelihoods and replicates are computed again from the draws.
                    statistics.push(Statistic::collect(&rest[..counted]));
                }
            }
            let block = DrawBlock {
                warmup,
                chains,
                first_draw: from,
                draws: count,
                values: &values,
                effects: None,
                statistics: &statistics,
            };
            writer.record(&block).map_err(|error| error.0)?;
        }
        writer.end(None, Map::from_iter([(MERGING.to_string(), Value::Null)]), true)?;
        Sampled::open(folder).map_err(|error: StoreError| io::Error::other(error))
    }
}
