// The moving end of the trajectory, in registers: its leapfrog step, and the log density there. Twin of
// src/nuts/leapfrog.rs and src/density/cpu.rs.

// The end that moves.
var<private> position: array<vec4<f32>, QUADS>;
var<private> momentum: array<vec4<f32>, QUADS>;
var<private> gradient: array<vec4<f32>, QUADS>;
// The log density of the newest leaf.
var<private> leaf_log_density: f32;

// A leapfrog step of the moving end, without the second half of the kick: w += (h/2) s g, q += h s w, and the gradient
// at q.
fn leap() {
    let step = select(-chain.step_size, chain.step_size, chain.moving == 1u);
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        let s = step * scales[quad * TEAM + team.lane];
        momentum[quad] += s * gradient[quad] * 0.5;
        position[quad] += s * momentum[quad];
    }
    leaf_log_density = log_density();
    spent += 4u * SLOTS + GROUP_SLOTS * GROUP_TURNS + 4u * K + 40u;
}

// Sets the gradient at the moving end, and returns the log density there.
fn log_density() -> f32 {
    // The exponential of each hyperparameter of this lane, as if all were logs of scales.
    var scales_here: array<f32, SLOTS - EFFECTS * GROUP_SLOTS>;
    for (var i = 0u; i < SLOTS - EFFECTS * GROUP_SLOTS; i++) {
        scales_here[i] = exp_of(position_at(EFFECTS * GROUP_SLOTS + i));
    }
    var at: At;
    for (var k = 0u; k < unrolled(K); k++) {
        let h = SCALE + k;
        let sigma = team_number(team, scales_here[h / TEAM], h % TEAM);
        at.coefficients[k] = coefficient(hyperparameter(MEAN + k), hyperparameter(h), sigma);
    }
    var dispersions: array<f32, DISPERSION_ROOM>;
    for (var d = 0u; d < unrolled(DISPERSIONS); d++) {
        let h = DISPERSION + d;
        dispersions[d] = team_number(team, scales_here[h / TEAM], h % TEAM);
    }
    at.family = family_at(dispersions);
    return of_groups(&at);
}

// The coordinate in a slot.
fn position_at(slot: u32) -> f32 {
    return position[slot / 4u][slot % 4u];
}

fn hyperparameter(h: u32) -> f32 {
    return team_number(team, position_at(EFFECTS * GROUP_SLOTS + h / TEAM), h % TEAM);
}
