//! Times of a device's work, and bytes received: counters that any thread may read at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters of round trips, shared by everything that makes them.
#[derive(Debug, Default)]
pub struct Meter {
    /// The whole device's meter, which counts the same trips.
    device: Option<Arc<Meter>>,
    trips: AtomicU64,
    /// Nanoseconds of the host's work: conversion, recording, submission.
    host: AtomicU64,
    /// Nanoseconds of waiting.
    wait: AtomicU64,
    /// Nanoseconds of kernels, where the device has timestamps.
    kernel: AtomicU64,
    /// Bytes received; counted by the whole device's meter only.
    bytes: AtomicU64,
}

/// A reading of a [`Meter`].
#[derive(Debug, Clone, Copy, Default)]
pub struct MeterReading {
    /// Number of round trips.
    pub trips: u64,
    /// Time of the host's work: conversion, recording, submission.
    pub host: Duration,
    /// Time of waiting for transfers and kernels.
    pub wait: Duration,
    /// Time of kernels alone; zero if the device has no timestamps.
    pub kernel: Duration,
    /// Bytes received; zero unless the meter is a whole device's.
    pub bytes: u64,
}

impl Meter {
    /// A meter for a part of a device's work, which the device's own meter counts too.
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

    /// Counts bytes received.
    pub(super) fn count_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The counts so far.
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
