// What leaves the device where no draw does: each chain's sums over its draws, and histograms of all chains together. Twin of
// src/engine/sums.rs.

// Of each number of a vector: mean and 1 / sd of the named variable it stands for, in the sampler's units; and its tails as u.
@group(0) @binding(9) var<storage, read> grid: array<vec4<f32>>;
// SUM_VECTORS vectors of each chain, as vectors lie: of each half of its draws the sum of u and of u^2; then how many u were at most
// where the lower tail ends, and at most where the upper one begins.
@group(0) @binding(10) var<storage, read_write> sums: array<f32>;
// BINS counts for each coordinate.
@group(0) @binding(11) var<storage, read_write> histograms: array<atomic<u32>>;


// Adds the sample to what leaves, where draws are wanted; of them themselves there are `written`, none.
fn leave(written: u32) -> u32 {
    if run.recording == 1u {
        add_energy();
        add_sample();
    }
    return written;
}

// Adds the sample to its chain's sums, and to the histograms.
fn add_sample() {
    let sample = place_of(team, STATE + 2u * chain.sample);
    var coefficients: array<Coefficient, K>;
    for (var k = 0u; k < K; k++) {
        let log_sigma = sampled_hyperparameter(sample, SCALE + k);
        coefficients[k] = named_coefficient(sampled_hyperparameter(sample, MEAN + k), log_sigma);
    }
    let second = chain.made > run.half;
    let is_first = chain.made == select(1u, run.half + 1u, second);
    let place = team.number * SUM_VECTORS * SLOTS * TEAM + team.lane;
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        let coordinate = coordinate_of(team.lane, slot);
        if coordinate == NONE {
            continue;
        }
        let theta = vectors[sample + slot * TEAM];
        var named = theta;
        if slot < EFFECTS * GROUP_SLOTS {
            let k = slot / GROUP_SLOTS;
            named = beta(k, coefficients[k], theta);
        } else {
            named = named_hyperparameter(coordinate, theta);
        }
        let unit = grid[slot * TEAM + team.lane];
        let u = (named - unit.x) * unit.y;
        add_to(place + (2u * u32(second) * SLOTS + slot) * TEAM, u, is_first);
        add_to(place + ((2u * u32(second) + 1u) * SLOTS + slot) * TEAM, u * u, is_first);
        add_to(place + (4u * SLOTS + slot) * TEAM, f32(u32(u <= unit.z)), chain.made == 1u);
        add_to(place + (5u * SLOTS + slot) * TEAM, f32(u32(u <= unit.w)), chain.made == 1u);
        atomicAdd(&histograms[coordinate * BINS + bin(u)], 1u);
    }
    spent += 2u * SLOTS + 4u * K;
}

fn sampled_hyperparameter(sample: u32, h: u32) -> f32 {
    return team_number(team, vectors[sample + (EFFECTS * GROUP_SLOTS + h / TEAM) * TEAM], h % TEAM);
}

fn add_to(place: u32, value: f32, is_first: bool) {
    sums[place] = select(sums[place], 0.0, is_first) + value;
}

// The bin of u; the first and the last are open.
fn bin(u: f32) -> u32 {
    return u32(clamp((u + REACH) * (f32(BINS) / (2.0 * REACH)), 0.0, f32(BINS - 1u)));
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
