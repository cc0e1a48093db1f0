//! The thread of a store: takes blocks of draws and checkpoints in their order, and writes them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use serde_json::{Map, Value};

use super::checkpoint;
use super::fixed_arrays::FixedArrays;
use super::fresh::Fresh;
use super::layout::DrawArrays;
use super::lock::Lock;
use super::row_buffer::RowBuffer;
use crate::draws::pointwise::Pointwise;
use crate::driver::{Checkpoint, Tuned};
use crate::engine::DrawBlock;
use crate::faults;
use crate::nuts::Statistics;

/// A message to the store's thread.
pub enum Message {
    /// The arrays of packed draws.
    Warmed(Box<DrawArrays>),
    /// Draws of all chains.
    Block { warmup: bool, first_draw: usize, draws: usize, values: Vec<f64>, statistics: Vec<Statistics> },
    /// A checkpoint after the last block.
    Checkpoint(Box<Checkpoint>),
    /// The draws so far are wanted on the disk.
    Commit(Sender<()>),
    /// The run has failed.
    Failed,
    /// The run is over; the attributes of `about` are new.
    End { learnt: Option<Tuned>, about: Map<String, Value>, complete: bool },
}

/// The state of the store's thread.
pub struct Desk {
    /// Held until everything is written.
    pub lock: Lock,
    pub checkpoint_time: Arc<AtomicU64>,
    pub chains: usize,
    pub contents: FixedArrays,
    pub rows: RowBuffers,
    pub observations: Pointwise,
}

/// The buffers of draws.
pub struct RowBuffers {
    pub sampling: RowBuffer,
    /// `None` unless draws of warm-up are recorded.
    pub warmup: Option<RowBuffer>,
}

impl RowBuffers {
    /// Writes the draws so far, then their number.
    pub fn commit(&mut self, contents: &FixedArrays, everywhere: bool) -> io::Result<()> {
        if let Some(warmup) = &mut self.warmup {
            warmup.write()?;
        }
        self.sampling.write()?;
        let sampling = (self.sampling.arrays(), self.sampling.draws());
        let warmup = self.warmup.as_ref().map(|warmup| (warmup.arrays(), warmup.draws()));
        contents.commit(sampling, warmup, everywhere)
    }
}

impl Desk {
    /// Does what the messages say, until the run ends; gives back the buffers of blocks.
    pub fn work(
        mut self,
        messages: &Receiver<Message>,
        empty: &Sender<(Vec<f64>, Vec<Statistics>)>,
    ) -> io::Result<Option<Fresh>> {
        for message in messages {
            match message {
                Message::Warmed(arrays) => self.rows.sampling.describe(*arrays),
                Message::Block { warmup, first_draw, draws, values, statistics } => {
                    let Desk { rows, observations, chains, .. } = &mut self;
                    let chains = *chains;
                    let block = DrawBlock {
                        warmup,
                        chains,
                        first_draw,
                        draws,
                        values: &values,
                        effects: None,
                        statistics: &statistics,
                    };
                    match &mut rows.warmup {
                        Some(row) if warmup => row.record(&block, observations)?,
                        _ => rows.sampling.record(&block, observations)?,
                    }
                    faults::point_at(if warmup { "warm-up" } else { "draws" }, (first_draw + draws) as u64);
                    // The receiver may be gone.
                    drop(empty.send((values, statistics)));
                }
                Message::Checkpoint(checkpoint) => {
                    let began = Instant::now();
                    if checkpoint.draws > 0 {
                        self.contents.learn(Tuned::of(&checkpoint))?;
                    }
                    self.rows.commit(&self.contents, false)?;
                    faults::point("before-checkpoint");
                    checkpoint::write(self.lock.run(), checkpoint::identity(self.contents.about()), &checkpoint)?;
                    faults::point("after-checkpoint");
                    self.checkpoint_time.store(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
                }
                Message::Commit(done) => {
                    self.rows.commit(&self.contents, false)?;
                    if done.send(()).is_err() {
                        break;
                    }
                }
                Message::Failed => break,
                Message::End { learnt, about, complete } => {
                    if let Some(learnt) = learnt {
                        self.contents.learn(learnt)?;
                    }
                    about.into_iter().for_each(|(name, value)| self.contents.set_attribute(&name, value));
                    self.rows.commit(&self.contents, true)?;
                    if complete {
                        faults::point("before-end");
                        checkpoint::remove(self.lock.run())?;
                    }
                    return Ok(self.rows.sampling.kept());
                }
            }
        }
        // The run has failed: its draws are kept.
        self.rows.commit(&self.contents, true).map(|()| None)
    }
}
