//! A sink whose draws are judged while the run goes on: at places that depend on the settings alone.

use std::io;
use std::sync::Arc;

use super::Settings;
use super::diagnosis::Diagnosis;
use crate::draws::store::Writer;
use crate::draws::{Draws, Memory};
use crate::engine::{DrawBlock, DrawSink, Judge, SinkError, SumSink};
use crate::model::LocationScale;
use crate::nuts::adaptation::PositionMoments;

/// A sink whose draws so far can be read.
pub trait Readable: DrawSink {
    /// The draws so far.
    ///
    /// # Errors
    /// If they cannot be read.
    fn so_far(&mut self) -> io::Result<Draws>;
}

impl Readable for Memory {
    fn so_far(&mut self) -> io::Result<Draws> {
        let mut draws = self.clone();
        draws.shrink_to_fit();
        Ok(Draws::Memory(draws))
    }
}

impl Readable for Writer {
    fn so_far(&mut self) -> io::Result<Draws> {
        Ok(Draws::Store(Arc::new(self.committed()?)))
    }
}

/// A sink, and the settings by which its draws are judged.
pub struct JudgedSink<'a, S> {
    sink: &'a mut S,
    settings: Settings,
}

impl<'a, S: Readable> JudgedSink<'a, S> {
    /// Judges the draws that go to `sink` in a run with these settings, if they have a goal.
    pub fn new(sink: &'a mut S, settings: Settings) -> JudgedSink<'a, S> {
        JudgedSink { sink, settings }
    }
}

impl<S: Readable> Judge for JudgedSink<'_, S> {
    fn place_after(&self, draws: u32) -> u32 {
        let Settings { until, chains, draws: most, .. } = self.settings;
        until.map_or(most, |goal| goal.place_after(chains, draws).min(most))
    }

    fn is_enough(&mut self) -> Result<bool, SinkError> {
        let draws = self.sink.so_far().map_err(SinkError)?;
        let is_enough = Diagnosis::of(&self.settings, &draws).is_enough();
        match draws.damage().first() {
            Some(damage) => Err(SinkError(io::Error::other(damage.to_string()))),
            None => Ok(is_enough),
        }
    }
}

impl<S: Readable> DrawSink for JudgedSink<'_, S> {
    fn warmed(&mut self, spread: &PositionMoments) {
        self.sink.warmed(spread);
    }

    fn wants_warmup(&self) -> bool {
        self.sink.wants_warmup()
    }

    fn units(&self) -> Option<&[LocationScale]> {
        self.sink.units()
    }

    fn record(&mut self, block: &DrawBlock) -> Result<(), SinkError> {
        self.sink.record(block)
    }

    fn sums(&mut self) -> Option<&mut dyn SumSink> {
        self.sink.sums()
    }

    fn judge(&mut self) -> Option<&mut dyn Judge> {
        self.settings.until.is_some().then_some(self)
    }
}
