//! Where the time of a device goes, and how much comes back from it: counters that every thread may read at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where the time of round trips goes; shared by all who make them.
#[derive(Debug, Default)]
pub struct Meter {
    /// What counts along for the whole device.
    device: Option<Arc<Meter>>,
    trips: AtomicU64,
    /// Nanoseconds of the host's work around them: conversion, recording, submission.
    host: AtomicU64,
    /// Nanoseconds of waiting.
    wait: AtomicU64,
    /// Nanoseconds of kernels, where the device can tell.
    kernel: AtomicU64,
    /// Bytes that came back; counted for the whole device alone.
    bytes: AtomicU64,
}

/// What a [`Meter`] shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct MeterReading {
    /// How many round trips were made.
    pub trips: u64,
    /// The host's work around them: conversion, recording, submission.
    pub host: Duration,
    /// Waiting for transfers and kernels.
    pub wait: Duration,
    /// Kernels alone; zero where the device cannot tell.
    pub kernel: Duration,
    /// Bytes that came back, where the meter is a whole device's.
    pub bytes: u64,
}

impl Meter {
    /// One for a part of what a device does, whose own meter counts along.
    pub fn part_of(device: &Arc<Meter>) -> Arc<Meter> {
        Arc::new(Meter { device: Some(device.clone()), ..Meter::default() })
    }

    /// Counts a round trip.
    pub fn count(&self, host: Duration, wait: Duration, kernel: Duration) {
        if let Some(device) = &self.device {
            device.count(host, wait, kernel);
        }
        self.trips.fetch_add(1, Ordering::Relaxed);
        for (counter, time) in [(&self.host, host), (&self.wait, wait), (&self.kernel, kernel)] {
            counter.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
        }
    }

    /// Counts bytes on their way back.
    pub(super) fn count_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn reading(&self) -> MeterReading {
        let time = |counter: &AtomicU64| Duration::from_nanos(counter.load(Ordering::Relaxed));
        MeterReading {
            trips: self.trips.load(Ordering::Relaxed),
            host: time(&self.host),
            wait: time(&self.wait),
            kernel: time(&self.kernel),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}
