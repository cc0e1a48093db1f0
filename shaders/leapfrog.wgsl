// The end of the trajectory that moves, in registers: a leapfrog step of it, and the log density where it comes to. Twin of
// src/nuts/leapfrog.rs and src/density/cpu.rs.
//
// Wants log_density.wgsl and all that it wants, and transition.wgsl's chain.

// The end that moves, and the metric.
var<private> position: array<f32, SLOTS>;
var<private> momentum: array<f32, SLOTS>;
var<private> gradient: array<f32, SLOTS>;
var<private> scale: array<f32, SLOTS>;
// At the newest leaf.
var<private> leaf_log_density: f32;

// A leapfrog step of the moving end but for its second half a kick: w += (h/2) s g, q += h s w, and the gradient there.
fn leap() {
    let step = select(-chain.step_size, chain.step_size, chain.moving == 1u);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        let s = step * scale[slot];
        momentum[slot] += s * gradient[slot] * 0.5;
        position[slot] += s * momentum[slot];
    }
    leaf_log_density = log_density();
    spent += 4u * SLOTS + GROUP_SLOTS * (3u * K + K * K) + 4u * K + 40u;
}

// The log density at the moving end, whose gradient is set.
fn log_density() -> f32 {
    var at: At;
    for (var k = 0u; k < K; k++) {
        at.coefficients[k] = coefficient(hyperparameter(k), hyperparameter(K + k));
    }
    at.log_eps = hyperparameter(2u * K);
    at.inverse_variance = exp_of(-2.0 * at.log_eps);
    var sums: Sums;
    var effects: array<f32, K>;
    for (var i = 0u; i < bound(GROUP_SLOTS); i++) {
        let j = i * TEAM + team.lane;
        if j < J {
            for (var k = 0u; k < K; k++) {
                effects[k] = position[k * GROUP_SLOTS + i];
            }
            add_group(&at, team.number, j, &effects, &sums);
            for (var k = 0u; k < K; k++) {
                gradient[k * GROUP_SLOTS + i] = effects[k];
            }
        }
    }
    add_up(team, &at, &sums);
    for (var k = 0u; k < K; k++) {
        set_hyperparameter_gradient(k, sums.by_mu[k]);
        set_hyperparameter_gradient(K + k, sums.by_log_sigma[k]);
    }
    set_hyperparameter_gradient(2u * K, sums.by_log_eps);
    return sums.log_density;
}

fn hyperparameter(h: u32) -> f32 {
    return team_number(team, position[K * GROUP_SLOTS + h / TEAM], h % TEAM);
}

fn set_hyperparameter_gradient(h: u32, value: f32) {
    if team.lane == h % TEAM {
        gradient[K * GROUP_SLOTS + h / TEAM] = value;
    }
}
