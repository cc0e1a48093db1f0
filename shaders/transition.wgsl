// Entry: whole transitions of many chains, a team of lanes each: twin of src/engine/worker.rs.
//
// Wants nuts.wgsl, leaving.wgsl, recording.wgsl or summing.wgsl, step_size.wgsl, random.wgsl and all that they want. A
// dispatch goes on where the last one ended, and ends when its budget is spent or there is nothing left to do; what a
// chain draws does not depend on where that is.

// What a dispatch has to do.
struct Run {
    seed_low: u32,
    seed_high: u32,
    // Global number of chain 0.
    first_chain: u32,
    chains: u32,
    // Transitions that every chain had made when the phase began.
    first_transition: u32,
    // Transitions of the phase that a chain may have made when the dispatch ends.
    transitions: u32,
    // Draws of a chain that the dispatch has room for.
    room: u32,
    // Iterations of loops that a lane may make, about.
    budget: u32,
    max_depth: u32,
    // Whether draws go into moments, and whether they leave.
    learning: u32,
    recording: u32,
    // Whether chains adapt their step sizes; to which acceptance, how fast, and the log step size they start from.
    adapting: u32,
    target_accept: f32,
    gain: f32,
    log_step_size: f32,
    // More than any loop makes turns: see `bound`.
    turns: u32,
    // Where draws are summed up, how many of a chain's make its first half.
    half: u32,
    // Where draws leave, of how many transitions one does, and how many behind the last of those every chain was when the phase
    // began.
    thin: u32,
    behind: u32,
}

// A chain between dispatches.
struct Chain {
    // Transitions of the phase made so far.
    made: u32,
    // Whether a transition is under way, and then how deep its tree is, its leapfrogs, the leaves of its subtree, which
    // end moves, and with which step.
    growing: u32,
    depth: u32,
    n_steps: u32,
    leaves: u32,
    moving: u32,
    step_size: f32,
    initial_energy: f32,
    acceptance_sum: f32,
    weight: Weight,
    subtree_weight: Weight,
    // Which of the two states is the sample; its log density, and its energy; the same of the subtree's.
    sample: u32,
    log_density: f32,
    energy: f32,
    subtree_log_density: f32,
    subtree_energy: f32,
    adaptation: StepSize,
    // Over the phase: leapfrogs, divergences, and the sum of acceptances.
    gradients: u32,
    divergences: u32,
    acceptance: f32,
    // Where draws are summed up: the first energy and the latest, the sums of distances from the first, of their squares and
    // of squared steps, and how many trajectories could not be doubled once more.
    first_energy: f32,
    last_energy: f32,
    energy_sum: f32,
    energy_square: f32,
    energy_steps: f32,
    saturated: u32,
}

// What the chains have made.
struct Counts {
    // Rows of draws in this dispatch.
    rows: atomic<u32>,
    // Of each chain, its draws in this dispatch, and its transitions, leapfrogs and divergences in the phase.
    chains: array<vec4<u32>>,
}

// What a transition tells about itself, and of which chain it is.
struct Told {
    lp: f32,
    energy: f32,
    acceptance_rate: f32,
    step_size: f32,
    tree_depth: u32,
    n_steps: u32,
    diverging: u32,
    reached_max_treedepth: u32,
    chain: u32,
}

@group(0) @binding(2) var<uniform> run: Run;
// The square roots of the inverse metric, as vectors lie. Read wherever they are wanted: caches have them, and a lane has no
// registers to spare.
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> chains: array<Chain>;
@group(0) @binding(6) var<storage, read_write> counts: Counts;

var<private> team: Team;
var<private> place: Place;
var<private> chain: Chain;
var<private> adaptation: StepSize;
// What the transition that ended last tells.
var<private> ended: Told;
// Iterations made, about.
var<private> spent: u32;

@compute @workgroup_size(WORKGROUP)
fn transition(invocation: Invocation) {
    team = team_of(invocation);
    if team.number >= run.chains {
        return;
    }
    load();
    var written = 0u;
    while spent < run.budget {
        if chain.growing == 0u {
            if chain.made >= run.transitions || written >= run.room {
                break;
            }
            place = next_place();
            begin(exp_of(select(run.log_step_size, adaptation.log_step, run.adapting == 1u)));
            chain.growing = 1u;
        }
        leap();
        let fate = give();
        if fate != ONGOING {
            finish(fate);
            written = leave(written);
        }
    }
    save(written);
}

// Takes up the chain where it was left.
fn load() {
    chain = chains[team.number];
    adaptation = chain.adaptation;
    place = next_place();
    resume();
}

fn save(written: u32) {
    suspend();
    if team.lane == 0u {
        chain.adaptation = adaptation;
        chains[team.number] = chain;
        counts.chains[team.number] = vec4<u32>(written, chain.made, chain.gradients, chain.divergences);
    }
}

// The place of the chain's next transition, or of the one under way, among random numbers.
fn next_place() -> Place {
    let seed = vec2<u32>(run.seed_low, run.seed_high);
    return Place(seed, run.first_chain + team.number, run.first_transition + chain.made);
}

// Ends the transition; what its sample teaches is learnt. Called from one place: it is much code where it is inlined.
fn finish(fate: u32) {
    let acceptance = chain.acceptance_sum / f32(chain.n_steps);
    ended = Told(
        chain.log_density,
        chain.energy,
        acceptance,
        chain.step_size,
        chain.depth,
        chain.n_steps,
        u32(fate == DIVERGING),
        u32(fate == SATURATED),
        team.number,
    );
    chain.growing = 0u;
    chain.made++;
    chain.gradients += chain.n_steps;
    chain.divergences += u32(fate == DIVERGING);
    chain.acceptance += acceptance;
    if run.adapting == 1u {
        learn(&adaptation, run.log_step_size, run.gain, run.target_accept - acceptance, f32(chain.made));
    }
    if run.learning == 1u {
        add_moments();
    }
}
