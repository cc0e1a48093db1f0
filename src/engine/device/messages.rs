//! Structures of 32-bit numbers that the host and the kernels of transitions share.

use crate::gpu::shared_struct;

shared_struct! {
    /// The parameters of a dispatch.
    pub struct Dispatch {
        /// The low word of the seed.
        pub seed_low: u32,
        /// The high word of the seed.
        pub seed_high: u32,
        /// Global number of the batch's first chain.
        pub first_chain: u32,
        /// Chains of the batch.
        pub chains: u32,
        /// Transitions that every chain had made when the phase began.
        pub first_transition: u32,
        /// Transitions of the phase that a chain may have made by the end of the dispatch.
        pub transitions: u32,
        /// Draws of each chain that the dispatch has room for.
        pub room: u32,
        /// Approximate number of loop iterations of a lane.
        pub budget: u32,
        /// Largest number of doublings of a trajectory.
        pub max_depth: u32,
        /// Fours of eigenvectors of the metric.
        pub fours: u32,
        /// 1 if draws go into moments.
        pub learning: u32,
        /// 1 if draws are recorded.
        pub recording: u32,
        /// 1 if chains adapt their step sizes.
        pub adapting: u32,
        /// Target of the mean acceptance.
        pub target_accept: f32,
        /// How far an error in acceptance moves the log step size.
        pub gain: f32,
        /// The log step size, or the one at which chains begin to adapt.
        pub log_step_size: f32,
        /// Upper bound on the iterations of any loop, which keeps compilers from unrolling loops.
        pub turns: u32,
        /// Draws in the first half of a chain, if draws are summed up.
        pub half: u32,
        /// The thinning interval: the draw of every `thin`-th transition is recorded.
        pub thin: u32,
        /// Transitions of every chain since the last recorded one, when the phase began.
        pub since_recorded: u32,
        /// Number of the phase's first draw in the random numbers of its effects, if the device draws effects.
        pub first_effects: u32,
        /// The bits of that number to flip: all in warm-up.
        pub effects_flipped: u32,
    }
}

shared_struct! {
    /// A sum of weights, `sum` times e^`unit`.
    pub struct Weight {
        /// The log of the unit.
        pub unit: f32,
        /// The sum in that unit.
        pub sum: f32,
    }
}

shared_struct! {
    /// Dual averaging of a log step size.
    pub struct StepSize {
        /// The mean error in acceptance.
        pub error: f32,
        /// The log step size.
        pub log_step: f32,
        /// The average of the log step sizes.
        pub log_mean: f32,
    }
}

shared_struct! {
    /// A chain between dispatches.
    pub struct Chain {
        /// Transitions of the phase made so far.
        pub made: u32,
        /// 1 while a transition is under way, whose tree the next members describe.
        pub growing: u32,
        /// Doublings so far.
        pub depth: u32,
        /// Leapfrogs so far.
        pub n_steps: u32,
        /// Leaves of the subtree.
        pub leaves: u32,
        /// The end that moves.
        pub moving: u32,
        /// Step size of the transition.
        pub step_size: f32,
        /// Energy at the start of the transition.
        pub initial_energy: f32,
        /// Sum of acceptances over its leapfrogs.
        pub acceptance_sum: f32,
        /// Weight of the tree.
        pub weight: Weight,
        /// Weight of the subtree.
        pub subtree_weight: Weight,
        /// Which of two states is the sample.
        pub sample: u32,
        /// Log density of the sample, without the constant.
        pub log_density: f32,
        /// Energy of the sample.
        pub energy: f32,
        /// Log density of the subtree's sample.
        pub subtree_log_density: f32,
        /// Energy of the subtree's sample.
        pub subtree_energy: f32,
        /// Adaptation of the step size.
        pub adaptation: StepSize,
        /// Leapfrogs of the phase.
        pub gradients: u32,
        /// Divergent transitions of the phase.
        pub divergences: u32,
        /// Sum of acceptances over the phase's transitions.
        pub acceptance: f32,
        /// The first energy, if draws are summed up.
        pub first_energy: f32,
        /// The latest energy.
        pub last_energy: f32,
        /// The sum of the energies' differences from the first.
        pub energy_sum: f32,
        /// The sum of the squared differences from the first.
        pub energy_square: f32,
        /// The sum of squared differences between successive energies.
        pub energy_steps: f32,
        /// Trajectories that ended at the largest number of doublings.
        pub saturated: u32,
    }
}

shared_struct! {
    /// Statistics of a transition.
    pub struct TransitionStatistics {
        /// Log density of the draw, without the constant.
        pub lp: f32,
        /// Energy of the draw.
        pub energy: f32,
        /// Mean acceptance over the trajectory.
        pub acceptance_rate: f32,
        /// Step size of the leapfrogs.
        pub step_size: f32,
        /// Number of doublings of the trajectory.
        pub tree_depth: u32,
        /// Number of leapfrogs.
        pub n_steps: u32,
        /// 1 if the transition diverged.
        pub diverging: u32,
        /// 1 if the trajectory ended at the largest number of doublings.
        pub reached_max_treedepth: u32,
    }
}

shared_struct! {
    /// The draws whose moments are pooled.
    pub struct Pooling {
        /// Chains of the batch.
        pub chains: u32,
        /// Draws of each chain.
        pub draws: f32,
    }
}
