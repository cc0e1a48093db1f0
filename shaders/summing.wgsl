// What leaves the device where no draw does: each chain's sums over its draws, and histograms of all chains together. Twin of
// src/engine/sums.rs.

// Of each number of a vector: mean and 1 / sd of the named variable it stands for, in the sampler's units; and its tails as u.
@group(0) @binding(9) var<storage, read> grid: array<vec4<f32>>;
// SUM_VECTORS vectors of each chain, as its vectors lie: of each half of its draws the sum of u and of u^2; then how many u were at most
// where the lower tail ends, and at most where the upper one begins.
@group(0) @binding(10) var<storage, read_write> sums: array<vec4<f32>>;
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
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        let thetas = vectors[sample + quad * STRIDE];
        var u: vec4<f32>;
        var below: vec4<f32>;
        var above: vec4<f32>;
        for (var i = 0u; i < 4u; i++) {
            let slot = 4u * quad + i;
            let coordinate = coordinate_of(team.lane, slot);
            if coordinate == NONE {
                continue;
            }
            var named: f32;
            if slot < EFFECTS * GROUP_SLOTS {
                let k = slot / GROUP_SLOTS;
                named = beta(k, coefficients[k], thetas[i]);
            } else {
                named = named_hyperparameter(coordinate, thetas[i]);
            }
            let unit = grid[4u * (quad * TEAM + team.lane) + i];
            u[i] = (named - unit.x) * unit.y;
            below[i] = f32(u[i] <= unit.z);
            above[i] = f32(u[i] <= unit.w);
            atomicAdd(&histograms[coordinate * BINS + bin(u[i])], 1u);
        }
        add_to(2u * u32(second), quad, u, is_first);
        add_to(2u * u32(second) + 1u, quad, u * u, is_first);
        add_to(4u, quad, below, chain.made == 1u);
        add_to(5u, quad, above, chain.made == 1u);
    }
    spent += 2u * SLOTS + 4u * K;
}

fn sampled_hyperparameter(sample: u32, h: u32) -> f32 {
    let slot = EFFECTS * GROUP_SLOTS + h / TEAM;
    return team_number(team, vectors[sample + slot / 4u * STRIDE][slot % 4u], h % TEAM);
}

// Adds to a quad of the chain's vector `vector` of sums.
fn add_to(vector: u32, quad: u32, values: vec4<f32>, is_first: bool) {
    let place = place_among(team.number, SUM_VECTORS, vector) + team.lane + quad * STRIDE;
    sums[place] = select(sums[place], vec4<f32>(), is_first) + values;
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
