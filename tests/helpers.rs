//! Helpers that several modules of tests use.

pub mod again;
pub mod browser;
pub mod calibration;
pub mod chance;
#[cfg(feature = "columnar")]
pub mod columnar;
pub mod common;
pub mod formulas;
pub mod gpu;
pub mod importance;
pub mod models;
pub mod moved;
pub mod pages;
pub mod python;
pub mod recursion;
pub mod reference;
pub mod rhat;
pub mod running;
pub mod runs;
pub mod schools;
pub mod stored;
pub mod weak;
pub mod witness;
