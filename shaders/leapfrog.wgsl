// The end of the trajectory that moves, in registers: a leapfrog step of it, and the log density where it comes to. Twin of
// src/nuts/leapfrog.rs and src/density/cpu.rs.

// The end that moves.
var<private> position: array<f32, SLOTS>;
var<private> momentum: array<f32, SLOTS>;
var<private> gradient: array<f32, SLOTS>;
// At the newest leaf.
var<private> leaf_log_density: f32;

// A leapfrog step of the moving end but for its second half a kick: w += (h/2) s g, q += h s w, and the gradient there.
fn leap() {
    let step = select(-chain.step_size, chain.step_size, chain.moving == 1u);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        let s = step * scales[slot * TEAM + team.lane];
        momentum[slot] += s * gradient[slot] * 0.5;
        position[slot] += s * momentum[slot];
    }
    leaf_log_density = log_density();
    spent += 4u * SLOTS + GROUP_SLOTS * GROUP_TURNS + 4u * K + 40u;
}

// The log density at the moving end, whose gradient is set.
fn log_density() -> f32 {
    // Of every hyperparameter that a lane has, as if it were the log of a scale.
    var scales_here: array<f32, SLOTS - EFFECTS * GROUP_SLOTS>;
    for (var i = 0u; i < SLOTS - EFFECTS * GROUP_SLOTS; i++) {
        scales_here[i] = exp_of(position[EFFECTS * GROUP_SLOTS + i]);
    }
    var at: At;
    for (var k = 0u; k < K; k++) {
        let h = SCALE + k;
        let sigma = team_number(team, scales_here[h / TEAM], h % TEAM);
        at.coefficients[k] = coefficient_of_scale(hyperparameter(MEAN + k), hyperparameter(h), sigma);
    }
    var dispersions: array<f32, DISPERSION_ROOM>;
    for (var d = 0u; d < DISPERSIONS; d++) {
        let h = DISPERSION + d;
        dispersions[d] = team_number(team, scales_here[h / TEAM], h % TEAM);
    }
    at.family = family_at_scales(dispersions);
    var sums: array<f32, SUMS>;
    var effects: array<f32, K>;
    for (var i = 0u; i < bound(GROUP_SLOTS); i++) {
        let j = i * TEAM + team.lane;
        if j < J {
            for (var k = 0u; k < EFFECTS; k++) {
                effects[k] = position[k * GROUP_SLOTS + i];
            }
            add_group(&at, team.number, j, &effects, &sums);
            for (var k = 0u; k < EFFECTS; k++) {
                gradient[k * GROUP_SLOTS + i] = effects[k];
            }
        }
    }
    var sum: f32;
    for (var eighth = 0u; eighth < SUMS / 8u; eighth++) {
        let slot = EFFECTS * GROUP_SLOTS + 8u * eighth / TEAM;
        let h = 8u * eighth / TEAM * TEAM + team.lane;
        sum = add_up(team, eighth, h, position[slot], &sums);
        if is_among(h, eighth) {
            gradient[slot] = sum;
        }
    }
    return team_number(team, sum, LOG_DENSITY % 8u);
}

fn hyperparameter(h: u32) -> f32 {
    return team_number(team, position[EFFECTS * GROUP_SLOTS + h / TEAM], h % TEAM);
}
