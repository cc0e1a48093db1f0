//! A sink that writes draws into a store as they are made: its thread compresses and writes blocks, and the sampler
//! waits only if two blocks are waiting.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rayon::prelude::*;
use serde_json::{Map, Value};

use super::STORE;
use super::desk::{Desk, Message, RowBuffers};
use super::files::Files;
use super::fixed_arrays::FixedArrays;
use super::fresh::Fresh;
use super::layout::{DrawArrays, Extent};
use super::lock::Lock;
use super::part_reader::PartReader;
use super::read::Store;
use super::row_buffer::RowBuffer;
use crate::draws::location_scale::location_scales;
use crate::draws::pointwise::Pointwise;
use crate::driver::{Checkpoint, Checkpointer, Tuned};
use crate::engine::{DrawBlock, DrawSink, SinkError, SumSink};
use crate::faults;
use crate::model::{LocationScale, Model};
use crate::nuts::Statistics;
use crate::nuts::adaptation::PositionMoments;

/// The time between checkpoints is at least this many times as long as writing one takes.
const CHECKPOINT_SHARE: u32 = 10;

/// Numbers that a thread copies together.
const COPIED: usize = 1 << 14;

/// Number of blocks that may wait to be written.
const WAITING: usize = 2;

/// Writes draws into a store.
#[derive(Debug)]
pub struct Writer {
    /// The folder of the run.
    folder: PathBuf,
    model: Arc<Model>,
    extent: Extent,
    packed: bool,
    /// The unit of each variable, once warm-up is over, if draws are packed.
    units: Option<Vec<LocationScale>>,
    interval: Duration,
    /// Nanoseconds that writing the last checkpoint took.
    checkpoint_time: Arc<AtomicU64>,
    sender: Option<SyncSender<Message>>,
    emptied: Receiver<(Vec<f64>, Vec<Statistics>)>,
    thread: Option<JoinHandle<io::Result<Option<Fresh>>>>,
}

/// Sends checkpoints of a run to the thread that writes its draws.
#[derive(Debug)]
pub struct Checkpoints {
    sender: SyncSender<Message>,
    interval: Duration,
    /// Nanoseconds that writing the last checkpoint took.
    time: Arc<AtomicU64>,
}

/// Options of a writer.
#[derive(Debug, Clone, Copy)]
pub struct Writing {
    /// The seed of replicates.
    pub seed: u64,
    /// Transitions of each chain in warm-up.
    pub warmup: u32,
    /// Whether numbers have 16 bits where possible.
    pub packed: bool,
    /// Approximate time between checkpoints.
    pub interval: Duration,
}

impl Writer {
    /// Creates a store without draws in the folder of a run. `learnt` has the adaptation's results, if the run does not
    /// adapt; `about` has the root's attributes of the run.
    ///
    /// # Errors
    /// If the file system refuses, or another process writes into the folder.
    pub fn create(
        run: &Path,
        model: Arc<Model>,
        extent: Extent,
        writing: Writing,
        learnt: Option<&Tuned>,
        about: Map<String, Value>,
    ) -> io::Result<Writer> {
        let lock = Lock::acquire(run)?;
        let folder = run.join(STORE);
        std::fs::create_dir(&folder)?;
        let files = Arc::new(Files::new(&folder)?);
        let mut contents = FixedArrays::new(files.clone(), &model, extent, writing.warmup, about);
        contents.write_fixed(&model)?;
        if let Some(learnt) = learnt {
            contents.learn(learnt.clone())?;
        }
        let mut row = RowBuffer::new(files.clone(), DrawArrays::new(&model, &extent, None), &extent, 0);
        row.keep(Fresh::new(&extent));
        let warmup =
            (extent.warmup > 0).then(|| RowBuffer::new(files, DrawArrays::of_warmup(&model, &extent), &extent, 0));
        let mut rows = RowBuffers { sampling: row, warmup };
        rows.commit(&contents, true)?;
        Writer::start(lock, model, extent, writing, contents, rows)
    }

    /// Continues a store after the first `draws` draws of each chain, of warm-up and since.
    ///
    /// # Errors
    /// If the file system refuses, another process writes into the folder, or a chunk is damaged.
    pub fn resume(run: &Path, store: &Store, writing: Writing, draws: [usize; 2]) -> io::Result<Writer> {
        let lock = Lock::acquire(run)?;
        let (model, extent) = (store.model().clone(), *store.extent());
        store.files().remove_unfinished()?;
        let row = |recorded: &PartReader, draws: usize| {
            let (files, arrays) = (store.files().clone(), recorded.arrays().clone());
            let mut row = RowBuffer::new(files, arrays, &extent, draws);
            row.restore(recorded);
            row
        };
        let warmup = store.warmup().map(|warmup| row(warmup, draws[0]));
        let rows = RowBuffers { sampling: row(store.sampling(), draws[1]), warmup };
        if let Some(damage) = store.damage().first() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, damage.to_string()));
        }
        let mut contents =
            FixedArrays::new(store.files().clone(), &model, extent, writing.warmup, store.about().clone());
        contents.remember(store.learnt());
        Writer::start(lock, model, extent, writing, contents, rows)
    }

    fn start(
        lock: Lock,
        model: Arc<Model>,
        extent: Extent,
        writing: Writing,
        contents: FixedArrays,
        rows: RowBuffers,
    ) -> io::Result<Writer> {
        let (sender, messages) = sync_channel(WAITING);
        let (empty, emptied) = channel();
        let observations = Pointwise::new(
            model.clone(),
            writing.seed,
            extent.first_chain,
            extent.log_likelihood,
            extent.posterior_predictive,
        );
        let checkpoint_time = Arc::new(AtomicU64::new(0));
        let folder = lock.run().to_path_buf();
        let desk = Desk {
            checkpoint_time: checkpoint_time.clone(),
            lock,
            chains: extent.chains,
            contents,
            rows,
            observations,
        };
        let thread =
            std::thread::Builder::new().name("store".to_string()).spawn(move || desk.work(&messages, &empty))?;
        Ok(Writer {
            folder,
            model,
            extent,
            packed: writing.packed,
            units: None,
            interval: writing.interval,
            checkpoint_time,
            sender: Some(sender),
            emptied,
            thread: Some(thread),
        })
    }

    /// Sends checkpoints in the order of the draws; `None` once the store's thread has ended.
    pub fn checkpoints(&self) -> Option<Checkpoints> {
        let (sender, time) = (self.sender.clone()?, self.checkpoint_time.clone());
        Some(Checkpoints { sender, interval: self.interval, time })
    }

    /// The store of the draws so far, read from the disk.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn committed(&mut self) -> io::Result<Store> {
        let (done, is_done) = channel();
        self.send(Message::Commit(done))?;
        match is_done.recv() {
            Ok(()) => Store::open(&self.folder).map_err(io::Error::other),
            // The thread has ended early, with an error.
            Err(_) => self.join().and_then(|_| Err(io::Error::other("the store's thread has ended"))),
        }
    }

    /// Ends the store with the draws so far, the results of warm-up and the attributes of `about`. Returns the draws,
    /// if they were few enough to be kept in memory too.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn end(
        mut self,
        learnt: Option<Tuned>,
        about: Map<String, Value>,
        complete: bool,
    ) -> io::Result<Option<Fresh>> {
        self.send(Message::End { learnt, about, complete })?;
        self.join()
    }

    fn send(&mut self, message: Message) -> io::Result<()> {
        if self.sender.as_ref().is_some_and(|sender| sender.send(message).is_ok()) {
            return Ok(());
        }
        // The thread has ended early, with an error.
        self.join().and_then(|_| Err(io::Error::other("the store's thread has ended")))
    }

    fn join(&mut self) -> io::Result<Option<Fresh>> {
        self.sender = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(done)) => done,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Err(io::Error::other("the store could not be written")),
        }
    }
}

impl Drop for Writer {
    /// Waits until everything that was sent is written.
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            // The thread may have ended before.
            drop(sender.send(Message::Failed));
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl DrawSink for Writer {
    fn warmed(&mut self, spread: &PositionMoments) {
        if !self.packed {
            return;
        }
        let mut units = location_scales(&self.model, spread);
        units.truncate(self.extent.variables);
        let arrays = DrawArrays::new(&self.model, &self.extent, Some(&units));
        self.units = Some(arrays.kept_units(&units));
        // If the thread has ended, the next block returns its error.
        drop(self.send(Message::Warmed(Box::new(arrays))));
    }

    fn units(&self) -> Option<&[LocationScale]> {
        self.units.as_deref()
    }

    fn wants_warmup(&self) -> bool {
        self.extent.warmup > 0
    }

    fn record(&mut self, block: &DrawBlock) -> Result<(), SinkError> {
        debug_assert_eq!(block.chains, self.extent.chains);
        let (mut values, mut statistics) = self.emptied.try_recv().unwrap_or_default();
        copy(block.values, &mut values);
        copy(block.statistics, &mut statistics);
        let (warmup, first_draw, draws) = (block.warmup, block.first_draw, block.draws);
        self.send(Message::Block { warmup, first_draw, draws, values, statistics }).map_err(SinkError)
    }

    fn sums(&mut self) -> Option<&mut dyn SumSink> {
        None
    }
}

/// Copies numbers with all threads, because the sampler waits.
fn copy<T: Copy + Default + Send + Sync>(from: &[T], to: &mut Vec<T>) {
    to.resize(from.len(), T::default());
    to.par_chunks_mut(COPIED).zip(from.par_chunks(COPIED)).for_each(|(to, from)| to.copy_from_slice(from));
}

impl Checkpointer for Checkpoints {
    fn interval(&self) -> Duration {
        // Whatever was asked for, only a small part of the time goes into checkpoints.
        let last = Duration::from_nanos(self.time.load(Ordering::Relaxed));
        // Tests reach their fault among checkpoints whatever the clock says.
        if faults::has_point() && self.interval.is_zero() {
            return Duration::ZERO;
        }
        self.interval.max(last.saturating_mul(CHECKPOINT_SHARE))
    }

    fn record(&mut self, checkpoint: Checkpoint) -> Result<(), SinkError> {
        // If the thread has ended, the next block or the end of the run returns its error.
        drop(self.sender.send(Message::Checkpoint(Box::new(checkpoint))));
        Ok(())
    }
}
