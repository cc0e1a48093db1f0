//! Progress of an integration.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Number of grids and points so far.
#[derive(Debug, Default)]
pub struct Integration {
    grids: AtomicUsize,
    points: AtomicUsize,
}

impl Integration {
    /// Number of grids begun, and of points of the latest grid so far.
    pub fn progress(&self) -> [usize; 2] {
        [&self.grids, &self.points].map(|count| count.load(Relaxed))
    }

    pub(super) fn begin_grid(&self) {
        self.grids.fetch_add(1, Relaxed);
        self.points.store(0, Relaxed);
    }

    pub(super) fn has(&self, points: usize) {
        self.points.store(points, Relaxed);
    }
}
