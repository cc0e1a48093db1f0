//! warpnuts' own density, lent to nuts-rs: the remaining difference is the samplers'.

use std::sync::Arc;

use warpnuts::density::cpu::CpuDensity;
use warpnuts::model::Model;

use crate::posterior::Posterior;

#[derive(Clone)]
pub struct Lent {
    model: Arc<Model>,
    density: CpuDensity,
}

impl Lent {
    pub fn new(model: Arc<Model>) -> Lent {
        Lent { density: CpuDensity::new(&model), model }
    }
}

impl Posterior for Lent {
    fn dim(&self) -> usize {
        self.model.layout().dim()
    }

    fn log_density(&mut self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        self.density.log_density(theta, gradient)
    }

    fn constrain(&self, theta: &[f64], named: &mut [f64]) {
        self.model.constrain(theta, named);
    }
}
