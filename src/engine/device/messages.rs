//! What the host and the kernels of transitions tell each other: structures that both declare, of 32-bit numbers.

use crate::gpu::shared_struct;

shared_struct! {
    /// What a dispatch has to do.
    pub struct Dispatch {
        /// The low word of the seed.
        pub seed_low: u32,
        /// The high one.
        pub seed_high: u32,
        /// Global number of the batch's first chain.
        pub first_chain: u32,
        /// Chains of the batch.
        pub chains: u32,
        /// Transitions that every chain had made when the phase began.
        pub first_transition: u32,
        /// Transitions of the phase that a chain may have made when the dispatch ends.
        pub transitions: u32,
        /// Draws of a chain that the dispatch has room for.
        pub room: u32,
        /// Iterations of loops that a lane may make, about.
        pub budget: u32,
        /// The most doublings of a trajectory.
        pub max_depth: u32,
        /// 1 where draws go into moments.
        pub learning: u32,
        /// 1 where draws leave.
        pub recording: u32,
        /// 1 where chains adapt their step sizes.
        pub adapting: u32,
        /// The mean acceptance aimed at.
        pub target_accept: f32,
        /// How far an error in acceptance moves the log step size.
        pub gain: f32,
        /// The log step size, or that with which chains begin to adapt.
        pub log_step_size: f32,
        /// More than any loop makes turns.
        pub turns: u32,
        /// Where draws are summed up, how many of a chain's make its first half.
        pub half: u32,
        /// The thinning interval: the draw of every `thin`-th transition is recorded.
        pub thin: u32,
        /// Transitions of every chain since the last recorded one, when the phase began.
        pub since_recorded: u32,
        /// Where effects are drawn here, the number of the phase's first draw among random numbers.
        pub first_effects: u32,
        /// The bits of that number which are flipped: all in warm-up.
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
        /// Its mean.
        pub log_mean: f32,
    }
}

shared_struct! {
    /// A chain between dispatches.
    pub struct Chain {
        /// Transitions of the phase made so far.
        pub made: u32,
        /// 1 while a transition is under way, and then its tree.
        pub growing: u32,
        /// Doublings so far.
        pub depth: u32,
        /// Leapfrogs so far.
        pub n_steps: u32,
        /// Leaves of the subtree.
        pub leaves: u32,
        /// The end that moves.
        pub moving: u32,
        /// Its step size.
        pub step_size: f32,
        /// The energy it started with.
        pub initial_energy: f32,
        /// Acceptances of its leapfrogs.
        pub acceptance_sum: f32,
        /// The tree's.
        pub weight: Weight,
        /// The subtree's.
        pub subtree_weight: Weight,
        /// Which of two states is the sample.
        pub sample: u32,
        /// Its log density, without the constant.
        pub log_density: f32,
        /// Its energy.
        pub energy: f32,
        /// Log density of the subtree's sample.
        pub subtree_log_density: f32,
        /// Its energy.
        pub subtree_energy: f32,
        /// Of its step size.
        pub adaptation: StepSize,
        /// Leapfrogs of the phase.
        pub gradients: u32,
        /// Divergent transitions of the phase.
        pub divergences: u32,
        /// Sum of acceptances over the phase's transitions.
        pub acceptance: f32,
        /// Where draws are summed up, the first energy.
        pub first_energy: f32,
        /// The latest.
        pub last_energy: f32,
        /// The sum of the energies' distances from the first.
        pub energy_sum: f32,
        /// The sum of their squares.
        pub energy_square: f32,
        /// The sum of squared steps from energy to energy.
        pub energy_steps: f32,
        /// Trajectories that could not be doubled once more.
        pub saturated: u32,
    }
}

shared_struct! {
    /// What a transition tells about itself, and of which chain it is.
    pub struct TransitionStatistics {
        /// Log density of the draw, without the constant.
        pub lp: f32,
        /// Its energy.
        pub energy: f32,
        /// Mean acceptance over the trajectory.
        pub acceptance_rate: f32,
        /// Step size of the leapfrogs.
        pub step_size: f32,
        /// Doublings of the trajectory.
        pub tree_depth: u32,
        /// Leapfrogs.
        pub n_steps: u32,
        /// 1 where the energy error was too large.
        pub diverging: u32,
        /// 1 where the trajectory could not be doubled once more.
        pub reached_max_treedepth: u32,
        /// The chain's place in its batch.
        pub chain: u32,
    }
}

shared_struct! {
    /// Chains and draws per chain of a stretch that is pooled.
    pub struct Pooling {
        /// Chains of the batch.
        pub chains: u32,
        /// Draws of each.
        pub draws: f32,
    }
}
