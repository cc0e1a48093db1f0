// Output of sums instead of draws: each chain's sums over its draws, and histograms over all chains. Twin of
// src/engine/sums.rs.
//
// A lane has SUM_SLOTS numbers of each vector of sums, in SUM_QUADS quads: SUM_GROUP_SLOTS effects of each of all K
// coefficients, then hyperparameters. The layout in memory is that of a chain's other vectors.

const SUM_QUADS = (SUM_SLOTS + 3u) / 4u;

// For each number of a vector: mean and 1 / sd of its named variable, in the sampler's units, and the bounds of the
// lower and of the upper tail, as u.
@group(0) @binding(9) var<storage, read> grid: array<vec4<f32>>;
// SUM_VECTORS vectors of each chain: for each half of its draws, the sums of u and of u^2; then the counts of u up to
// the bound of the lower tail, and of u up to that of the upper tail.
@group(0) @binding(10) var<storage, read_write> sums: array<vec4<f32>>;
// BINS counts for each named variable.
@group(0) @binding(11) var<storage, read_write> histograms: array<atomic<u32>>;

// Adds the sample to the sums, if draws are recorded; returns `written`, unchanged: no draw is written.
fn record(written: u32) -> u32 {
    if run.recording == 1u {
        add_energy();
        add_sample(place_of(team, STATE + 2u * chain.sample));
    }
    return written;
}

// Adds a quad of the sample's named variables, in the sampler's units, to the chain's sums and to the histograms.
fn add_quad(quad: u32, named: vec4<f32>) {
    var u: vec4<f32>;
    var below: vec4<f32>;
    var above: vec4<f32>;
    for (var i = 0u; i < 4u; i++) {
        let variable = number_in(team.lane, 4u * quad + i, K, SUM_GROUP_SLOTS);
        if variable != NONE {
            let unit = grid[4u * (quad * TEAM + team.lane) + i];
            u[i] = (named[i] - unit.x) * unit.y;
            below[i] = f32(u[i] <= unit.z);
            above[i] = f32(u[i] <= unit.w);
            atomicAdd(&histograms[variable * BINS + bin(u[i])], 1u);
        }
    }
    let second = chain.made > run.half;
    let is_first = chain.made == select(1u, run.half + 1u, second);
    // All reads come before any write, so that their latencies overlap.
    let place = array<u32, 4>(
        place_of_sums(2u * u32(second), quad),
        place_of_sums(2u * u32(second) + 1u, quad),
        place_of_sums(4u, quad),
        place_of_sums(5u, quad),
    );
    let before = array<vec4<f32>, 4>(sums[place[0]], sums[place[1]], sums[place[2]], sums[place[3]]);
    sums[place[0]] = select(before[0], vec4<f32>(), is_first) + u;
    sums[place[1]] = select(before[1], vec4<f32>(), is_first) + u * u;
    sums[place[2]] = select(before[2], vec4<f32>(), chain.made == 1u) + below;
    sums[place[3]] = select(before[3], vec4<f32>(), chain.made == 1u) + above;
}

// The index of a quad in vector `vector` of the chain's sums.
fn place_of_sums(vector: u32, quad: u32) -> u32 {
    return place_among(team.number, SUM_VECTORS, vector, SUM_QUADS) + team.lane + quad * STRIDE;
}

// The bin of u; the first and the last are open.
fn bin(u: f32) -> u32 {
    return u32(clamp((u + REACH) * (f32(BINS) / (2.0 * REACH)), 0.0, f32(BINS - 1u)));
}

// The coefficient that turns effects into betas in the sample.
fn sampled_coefficient(sample: u32, k: u32) -> Coefficient {
    return named_coefficient(sampled_hyperparameter(sample, MEAN + k), sampled_hyperparameter(sample, SCALE + k));
}

// Hyperparameter `h` of the sample, in theta.
fn sampled_hyperparameter(sample: u32, h: u32) -> f32 {
    return team_number(team, sampled(sample, EFFECTS * GROUP_SLOTS + h / TEAM), h % TEAM);
}

// The named hyperparameter in this lane's slot `slot` after the slots of effects.
fn named_in(sample: u32, slot: u32) -> f32 {
    return named_hyperparameter(slot * TEAM + team.lane, sampled(sample, EFFECTS * GROUP_SLOTS + slot));
}

// This lane's number in a slot of the sample.
fn sampled(sample: u32, slot: u32) -> f32 {
    return vectors[sample + slot / 4u * STRIDE][slot % 4u];
}

// Adds the sample's energy, relative to that of the chain's first draw, and the square of its step from the last.
fn add_energy() {
    if chain.made == 1u {
        chain.first_energy = chain.energy;
        chain.last_energy = chain.energy;
    }
    let apart = chain.energy - chain.first_energy;
    let step = chain.energy - chain.last_energy;
    chain.last_energy = chain.energy;
    chain.energy_sum += apart;
    chain.energy_square += apart * apart;
    chain.energy_steps += step * step;
    chain.saturated += ended.reached_max_treedepth;
}
