// What leaves the device where no draw does: each chain's sums over its draws, and histograms of all chains together. Twin of
// src/engine/sums.rs.
//
// A lane has SUM_SLOTS numbers of each vector of sums, SUM_QUADS quads: of all K coefficients' effects, SUM_GROUP_SLOTS each, then of
// the hyperparameters. Vectors lie as a chain's others do.

const SUM_QUADS = (SUM_SLOTS + 3u) / 4u;

// Of each number of a vector: mean and 1 / sd of the named variable it stands for, in the sampler's units; and its tails as u.
@group(0) @binding(9) var<storage, read> grid: array<vec4<f32>>;
// SUM_VECTORS vectors of each chain: of each half of its draws the sum of u and of u^2; then how many u were at most where the lower
// tail ends, and at most where the upper one begins.
@group(0) @binding(10) var<storage, read_write> sums: array<vec4<f32>>;
// BINS counts for each named variable.
@group(0) @binding(11) var<storage, read_write> histograms: array<atomic<u32>>;

// Adds the sample to what leaves, where draws are wanted; of them themselves there are `written`, none.
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

// Where a quad of the chain's vector `vector` of sums is.
fn place_of_sums(vector: u32, quad: u32) -> u32 {
    return place_among(team.number, SUM_VECTORS, vector, SUM_QUADS) + team.lane + quad * STRIDE;
}

// The bin of u; the first and the last are open.
fn bin(u: f32) -> u32 {
    return u32(clamp((u + REACH) * (f32(BINS) / (2.0 * REACH)), 0.0, f32(BINS - 1u)));
}

// What effects of coefficient `k` are betas of in the sample.
fn sampled_coefficient(sample: u32, k: u32) -> Coefficient {
    return named_coefficient(sampled_hyperparameter(sample, MEAN + k), sampled_hyperparameter(sample, SCALE + k));
}

// Hyperparameter `h` of the sample, as it stands in theta.
fn sampled_hyperparameter(sample: u32, h: u32) -> f32 {
    return team_number(team, sampled(sample, EFFECTS * GROUP_SLOTS + h / TEAM), h % TEAM);
}

// The named hyperparameter that the lane has in slot `slot` after those of effects.
fn named_in(sample: u32, slot: u32) -> f32 {
    return named_hyperparameter(slot * TEAM + team.lane, sampled(sample, EFFECTS * GROUP_SLOTS + slot));
}

// What the lane has in a slot of the sample.
fn sampled(sample: u32, slot: u32) -> f32 {
    return vectors[sample + slot / 4u * STRIDE][slot % 4u];
}

// Adds the sample's energy, as its distance from that of the chain's first draw.
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
