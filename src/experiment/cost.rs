//! What computing costs on this machine: a few constants, measured in a moment before a run, and how fast each engine will
//! be by them. Effects of marginal models, which the host draws behind any engine, are no part of it.

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use super::Settings;
use super::densities::workers_and_width;
use crate::density::cpu::CpuDensity;
use crate::density::gpu::DeviceModel;
use crate::density::{Density, DensityError, Evaluations};
use crate::draws::Memory;
use crate::engine::device::{self, Compiled, DeviceEngine};
use crate::engine::host::Chains;
use crate::engine::{Engine as _, EngineError, Phase, PhaseKind};
use crate::gpu::Gpu;
use crate::model::Model;
use crate::nuts::{Kernel, State, Step, Transition, Tuning};
use crate::random::StreamKey;

/// Each constant of a device is measured for about this long, unless a single try takes longer.
const TRY: Duration = Duration::from_millis(8);

/// The same of constants of the host, of whose tries the fastest counts: each takes some microseconds.
const HOST_TRY: Duration = Duration::from_millis(2);

/// Of the device's transitions, the fastest of so many tries counts: the first is slow.
const TRIES: usize = 3;

/// Doublings of a trajectory that is timed, with steps so small that it does not turn back.
const DEPTH: u32 = 3;
const STEP: f64 = 1e-3;

/// The device's transitions are timed with this many chains, where a leapfrog takes as long as with one, and with enough to
/// fill it, if there is room.
const FEW: u32 = 64;
const MANY: u32 = 16_384;
const ROOM: u64 = 1 << 30;

/// Seconds that things take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// A leapfrog on a thread of the host, with its gradient and the tree it belongs to.
    pub leapfrog: f64,
    /// Of that, the tree.
    pub tree: f64,
    /// Densities on a device, where it computes them.
    pub density: Option<DensityCosts>,
    /// Whole transitions on a device, where it makes them.
    pub transitions: Option<TransitionCosts>,
}

/// Seconds of batches of gradients on a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DensityCosts {
    /// A round trip, with a single gradient.
    pub round_trip: f64,
    /// Each further gradient of the batch.
    pub gradient: f64,
    /// Of a gradient, what a thread of the host does for it: its position goes up, and it comes back.
    pub exchange: f64,
    /// The most gradients a batch.
    pub largest: usize,
}

/// Seconds of leapfrogs on a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransitionCosts {
    /// A leapfrog of few chains at once, however many.
    pub step: f64,
    /// Each leapfrog of as many chains as fill the device.
    pub leapfrog: f64,
}

/// Leapfrogs a second to be expected of each engine; 0 of those that are not there.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Rates {
    /// Of engine `cpu`.
    pub cpu: f64,
    /// Of engine `gpu-density`.
    pub gpu_density: f64,
    /// Of engine `gpu`.
    pub gpu: f64,
}

impl Costs {
    /// Measures what `model` costs a thread of the host while all `threads` that a run has are busy: they may share cores and caches.
    pub fn of_host(model: &Model, threads: usize) -> Costs {
        let together = Barrier::new(threads.max(1));
        let measured: Vec<[f64; 2]> = std::thread::scope(|scope| {
            let thread = || {
                let mut host = HostCosts::new(model);
                together.wait();
                [fastest(|| host.transition(true)), fastest(|| host.transition(false))]
            };
            let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(thread)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        let [leapfrog, tree] =
            [0, 1].map(|i| measured.iter().map(|costs| costs[i]).sum::<f64>() / measured.len() as f64);
        Costs { leapfrog, tree, density: None, transitions: None }
    }

    /// Measures what `model` costs `gpu` too, with batches and chains of about as many as `settings` have. An engine that the
    /// device has no room for is left out.
    pub fn with_device(self, gpu: &Arc<Gpu>, model: &Arc<Model>, settings: &Settings) -> Costs {
        Costs {
            density: DensityCosts::measure(gpu, model, settings).ok(),
            transitions: TransitionCosts::measure(gpu, model, settings).ok(),
            ..self
        }
    }

    /// What each engine will do for `settings`.
    pub fn rates(&self, model: &Model, settings: &Settings) -> Rates {
        let density = |costs: &DensityCosts| {
            let (workers, width) = workers_and_width(model, settings, costs.largest);
            let (workers, width) = (workers as f64, width as f64);
            // Lanes wait for the device while others are on the host; the device takes one batch after the other.
            let worker = (costs.round_trip + (costs.gradient + self.tree) * width) / (workers * width);
            let host = (self.tree + costs.exchange) / settings.threads as f64;
            1.0 / worker.max(host).max(costs.gradient)
        };
        let chains = f64::from(settings.chains);
        Rates {
            cpu: settings.threads.min(settings.chains as usize) as f64 / self.leapfrog,
            gpu_density: self.density.as_ref().map_or(0.0, density),
            gpu: self.transitions.map_or(0.0, |costs| chains / costs.step.max(chains * costs.leapfrog)),
        }
    }

    /// What was measured, in a few words.
    pub fn describe(&self) -> String {
        let mut parts = vec![format!("a leapfrog on a core {}", time(self.leapfrog))];
        if let Some(DensityCosts { round_trip, gradient, .. }) = self.density {
            parts.push(format!("a round trip to the device {} and {} a gradient", time(round_trip), time(gradient)));
        }
        if let Some(TransitionCosts { step, leapfrog }) = self.transitions {
            parts.push(format!("a leapfrog there {} at least and {} a chain", time(step), time(leapfrog)));
        }
        parts.join(", ")
    }
}

/// A chain on the host, of which every transition starts at zero.
struct HostCosts {
    density: CpuDensity,
    machine: Transition,
    state: State,
    gradient: Vec<f64>,
    transition: u32,
}

impl HostCosts {
    fn new(model: &Model) -> HostCosts {
        let mut density = CpuDensity::new(model);
        let dim = density.dim();
        let (mut state, mut gradient) = (State::zeros(dim), vec![0.0; dim]);
        state.log_density = density.log_density(&state.position, &mut gradient);
        state.gradient.copy_from_slice(&gradient);
        HostCosts { density, machine: Transition::new(dim, DEPTH), state, gradient, transition: 0 }
    }

    /// Makes a transition, of as many leapfrogs as it returns; without its gradients, only its tree, on a plane.
    fn transition(&mut self, gradients: bool) -> f64 {
        self.machine.begin(StreamKey { seed: 0, chain: 0, transition: self.transition }, &self.state, STEP);
        self.transition += 1;
        loop {
            let log_density = match gradients {
                true => self.density.log_density(self.machine.wants(), &mut self.gradient),
                false => self.state.log_density,
            };
            if self.machine.give(log_density, &self.gradient) == Step::Done {
                return f64::from(self.machine.statistics().n_steps);
            }
        }
    }
}

impl Rates {
    /// The name of the fastest engine; where two are equal, the simpler one's.
    pub fn fastest(&self) -> &'static str {
        match () {
            () if self.gpu > self.cpu.max(self.gpu_density) => "gpu",
            () if self.gpu_density > self.cpu => "gpu-density",
            () => "cpu",
        }
    }
}

impl DensityCosts {
    fn measure(gpu: &Arc<Gpu>, model: &Model, settings: &Settings) -> Result<DensityCosts, DensityError> {
        let device = DeviceModel::new(gpu.clone(), model)?;
        let (_, width) = workers_and_width(model, settings, device.largest_width());
        let batch = |width: usize| {
            let mut density = device.density(width)?;
            let at = vec![vec![0.1; density.dim()]; width];
            let mut out = Evaluations::with_capacity(width, density.dim());
            // The first time, the driver compiles.
            density.evaluate(&at, &mut out)?;
            let mut result = Ok(());
            let seconds = fastest(|| {
                result = result.clone().and(density.evaluate(&at, &mut out));
                1.0
            });
            result.map(|()| seconds)
        };
        let one = batch(1)?;
        let before = device.meter().reading();
        let all = batch(width)?;
        let after = device.meter().reading();
        let trips = (after.trips - before.trips) as f64;
        Ok(DensityCosts {
            round_trip: one,
            gradient: (all - one).max(0.0) / (width - 1).max(1) as f64,
            exchange: (after.host - before.host).as_secs_f64() / (trips * width as f64),
            largest: device.largest_width(),
        })
    }
}

impl TransitionCosts {
    fn measure(gpu: &Arc<Gpu>, model: &Arc<Model>, settings: &Settings) -> Result<TransitionCosts, EngineError> {
        let plan = |count| device::DevicePlan {
            chains: Chains { seed: settings.seed, first: settings.first_chain, count, per_superchain: 1 },
            max_depth: settings.max_tree_depth,
            keep: settings.keep,
        };
        let compiled = Compiled::new(gpu, model, &plan(settings.chains))?;
        let room = (ROOM / compiled.bytes_a_chain()).clamp(1, u64::from(MANY)) as u32;
        let seconds = |chains: u32| -> Result<f64, EngineError> {
            let (gpu, model) = (gpu.clone(), model.clone());
            let mut engine =
                DeviceEngine::start_compiled(compiled.clone(), gpu, model.clone(), plan(chains), Arc::default())?;
            let mut phase = Phase {
                tuning: Tuning {
                    scale: vec![1.0; model.dim()],
                    step_size: STEP,
                    max_depth: DEPTH.min(settings.max_tree_depth),
                },
                transitions: 1,
                adapt: None,
                part: PhaseKind::Warmup { recorded: false },
                thin: 1,
            };
            let mut nothing = Memory::new(0, 0, 0);
            loop {
                let (mut spent, mut fastest) = (Duration::MAX, f64::INFINITY);
                for _ in 0..TRIES {
                    let start = Instant::now();
                    let outcome = engine.run(&phase, &mut nothing)?;
                    outcome.failure.map_or(Ok(()), |failure| Err(failure.error))?;
                    spent = spent.min(start.elapsed());
                    fastest = fastest.min(start.elapsed().as_secs_f64() / outcome.gradients as f64);
                }
                if spent >= TRY / 2 {
                    return Ok(fastest);
                }
                let more = (TRY.as_secs_f64() / spent.as_secs_f64()).clamp(2.0, 64.0);
                phase.transitions = phase.transitions.saturating_mul(more as u32);
            }
        };
        let few = FEW.min(settings.chains).min(room);
        let many = settings.chains.min(room);
        let step = seconds(few)? * f64::from(few);
        let leapfrog = if many > few { seconds(many)? } else { step / f64::from(few) };
        Ok(TransitionCosts { step, leapfrog })
    }
}

/// The seconds that a piece of work takes, which says how many pieces it was: the fastest of a few tries.
fn fastest(mut work: impl FnMut() -> f64) -> f64 {
    let begin = Instant::now();
    let mut fastest = f64::INFINITY;
    while fastest.is_infinite() || begin.elapsed() < HOST_TRY {
        let start = Instant::now();
        let pieces = work();
        fastest = fastest.min(start.elapsed().as_secs_f64() / pieces);
    }
    fastest
}

/// A time in as few characters as will do.
fn time(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 1e-3 => format!("{:.1} ms", seconds * 1e3),
        _ if seconds >= 1e-6 => format!("{:.1} us", seconds * 1e6),
        _ => format!("{:.1} ns", seconds * 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;
    use crate::model::{Centering, Coordinates};

    fn radon() -> Model {
        let dataset = Arc::new(Dataset::radon().unwrap());
        let coordinates = Coordinates::joint(Centering::NonCentered, dataset.n_coefficients());
        Model::builder(dataset).coordinates(coordinates).build()
    }

    /// A small model: 0.4 us a leapfrog on a core; 30 us round trips; a device that makes 300 million leapfrogs a second.
    const SMALL: Costs = Costs {
        leapfrog: 0.4e-6,
        tree: 0.2e-6,
        density: Some(DensityCosts { round_trip: 60e-6, gradient: 4e-9, exchange: 0.1e-6, largest: 1 << 20 }),
        transitions: Some(TransitionCosts { step: 4e-6, leapfrog: 1.0 / 300e6 }),
    };

    /// A million observations: 1 ms a leapfrog on a core; the device computes a gradient in 10 us where all of it works on
    /// one chain's rows, and in 100 us where a chain's few lanes walk along them.
    const LARGE: Costs = Costs {
        leapfrog: 1e-3,
        tree: 2e-6,
        density: Some(DensityCosts { round_trip: 80e-6, gradient: 10e-6, exchange: 1e-6, largest: 4096 }),
        transitions: Some(TransitionCosts { step: 20e-3, leapfrog: 100e-6 }),
    };

    fn takes(costs: Costs, chains: u32, threads: usize) -> &'static str {
        costs.rates(&radon(), &Settings { chains, threads, ..Settings::default() }).fastest()
    }

    #[test]
    fn each_engine_is_taken_where_it_is_the_fastest() {
        assert_eq!(takes(SMALL, 4, 16), "cpu");
        assert_eq!(takes(SMALL, 65_536, 16), "gpu");
        assert_eq!(takes(LARGE, 1024, 16), "gpu-density");
        // A device that makes no transitions still computes gradients, where the host keeps up with trees.
        let dense = Costs { leapfrog: 5e-6, transitions: None, ..SMALL };
        assert_eq!(takes(dense, 16_384, 16), "gpu-density");
        assert_eq!(takes(dense, 16, 16), "cpu");
        assert_eq!(takes(Costs { density: None, transitions: None, ..LARGE }, 65_536, 2), "cpu");
    }

    #[test]
    fn more_cores_and_fewer_chains_speak_for_the_cpu() {
        // Few chains leave a device's latency: a leapfrog takes 4 us, of one chain or of a thousand.
        let slow = Costs { transitions: Some(TransitionCosts { step: 40e-6, leapfrog: 1.0 / 300e6 }), ..SMALL };
        assert_eq!((takes(slow, 64, 1), takes(slow, 1024, 1)), ("cpu", "gpu"));
        assert_eq!((takes(slow, 1024, 8), takes(slow, 1024, 64)), ("gpu", "cpu"));
        // A single chain keeps one core busy.
        let rates = SMALL.rates(&radon(), &Settings { chains: 1, threads: 16, ..Settings::default() });
        assert_eq!(rates.cpu, 1.0 / SMALL.leapfrog);
    }

    #[test]
    fn a_device_does_no_more_than_it_can() {
        let rate = |chains| SMALL.rates(&radon(), &Settings { chains, threads: 64, ..Settings::default() });
        let (few, many) = (rate(256), rate(1 << 20));
        assert!((few.gpu / (256.0 / 4e-6) - 1.0).abs() < 1e-12 && (many.gpu / 300e6 - 1.0).abs() < 1e-12);
        // Nor does a host that makes trees and carries gradients.
        assert!(many.gpu_density <= 64.0 / (0.2e-6 + 0.1e-6) * (1.0 + 1e-12), "{many:?}");
    }

    #[test]
    fn the_host_is_measured() {
        let costs = Costs::of_host(&radon(), 2);
        assert!(costs.leapfrog > 0.0 && costs.tree > 0.0, "{costs:?}");
        assert!(costs.describe().starts_with("a leapfrog on a core "), "{}", costs.describe());
    }
}
