// Entry: whole transitions of many chains, one per team of lanes. Twin of src/engine/worker.rs.
//
// A dispatch continues where the last one ended, and ends when its budget is spent or its work is done; a chain's draws
// do not depend on where dispatches end.

@group(0) @binding(2) var<uniform> run: Dispatch;
// The metric: its scales and the entries of its eigenvectors, in whole fours, in the layout of vectors; then the factor
// of each. Read at every use: caches hold them, and a lane has no registers to spare.
@group(0) @binding(3) var<storage, read> scales: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> chains: array<Chain>;
// For each chain: its draws in this dispatch, and its transitions, leapfrogs and divergences in the phase.
@group(0) @binding(6) var<storage, read_write> counts: array<vec4<u32>>;

var<private> team: Team;
var<private> key: StreamKey;
var<private> chain: Chain;
var<private> adaptation: StepSize;
// Statistics of the transition that ended last.
var<private> ended: TransitionStatistics;
// Loop iterations so far, approximately.
var<private> spent: u32;

@compute @workgroup_size(WORKGROUP)
fn transition(invocation: Invocation) {
    team = team_of(invocation);
    load_tables(team.number % WORKGROUP);
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
            key = next_key();
            begin(exp_of(select(run.log_step_size, adaptation.log_step, run.adapting == 1u)));
            chain.growing = 1u;
        }
        renew_leaf_words();
        leap();
        let fate = give();
        if fate != ONGOING {
            finish(fate);
            written = record(written);
        }
    }
    save(written);
}

// Restores the chain from the last dispatch.
fn load() {
    chain = chains[team.number];
    adaptation = chain.adaptation;
    key = next_key();
    resume();
}

fn save(written: u32) {
    suspend();
    if team.lane == 0u {
        chain.adaptation = adaptation;
        chains[team.number] = chain;
        counts[team.number] = vec4<u32>(written, chain.made, chain.gradients, chain.divergences);
    }
}

// The key of the random numbers of the chain's next transition, or of that under way.
fn next_key() -> StreamKey {
    let seed = vec2<u32>(run.seed_low, run.seed_high);
    return StreamKey(seed, run.first_chain + team.number, run.first_transition + chain.made);
}

// Ends the transition: sets its statistics, and updates step size and moments. Called from one place only: inlined, it
// is much code.
fn finish(fate: u32) {
    let acceptance = chain.acceptance_sum / f32(chain.n_steps);
    ended = TransitionStatistics(
        chain.log_density,
        chain.energy,
        acceptance,
        chain.step_size,
        chain.depth,
        chain.n_steps,
        u32(fate == DIVERGING),
        u32(fate == SATURATED),
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
