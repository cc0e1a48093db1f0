//! How the time of the workers that drive a device is spent.

use std::sync::Arc;
use std::time::Duration;

use super::target::BenchTarget;
use super::timing::TimeSplit;
use crate::gpu::{Meter, MeterReading};

/// The time of all workers together since the start, and the meter's reading at the start.
pub struct WorkerTime {
    meter: Option<Arc<Meter>>,
    before: MeterReading,
    times_kernels: bool,
    seconds: f64,
}

impl WorkerTime {
    /// Starts now; without a meter there is no split.
    pub fn start(meter: Option<Arc<Meter>>, target: &BenchTarget) -> WorkerTime {
        let before = meter.as_ref().map(|meter| meter.reading()).unwrap_or_default();
        WorkerTime { meter, before, times_kernels: target.times_kernels(), seconds: 0.0 }
    }

    /// Adds the seconds of all workers together.
    pub fn add(&mut self, seconds: f64) {
        self.seconds += seconds;
    }

    /// The shares of the added time.
    pub fn split(&self) -> Option<TimeSplit> {
        let after = self.meter.as_ref()?.reading();
        let share = |after: Duration, before: Duration| after.saturating_sub(before).as_secs_f64() / self.seconds;
        let wait = share(after.wait, self.before.wait).min(1.0);
        // Time in which kernels run while the host works counts as the kernels'.
        let kernel = self.times_kernels.then(|| share(after.kernel, self.before.kernel).min(1.0));
        let transfer = (wait - kernel.unwrap_or(0.0)).max(0.0);
        Some(TimeSplit { host: 1.0 - transfer - kernel.unwrap_or(0.0), transfer, kernel })
    }
}
