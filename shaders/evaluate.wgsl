// Entry: log density and gradient of a batch of positions, a team of lanes each.
//
// Wants a team (team_subgroup.wgsl or team_workgroup.wgsl), log_density.wgsl and its likelihood.

// A row of DIM coordinates for each position.
@group(0) @binding(2) var<storage, read> positions: array<f32>;
// A row of 1 + DIM numbers for each position: its log density but for the constant, and the gradient.
@group(0) @binding(3) var<storage, read_write> evaluations: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn evaluate(invocation: Invocation) {
    let team = team_of(invocation);
    // Room for whole workgroups of positions is there, so that the last one need not look whether it has work.
    let position = team.number * DIM;
    let evaluation = team.number * (DIM + 1u) + 1u;
    var at: At;
    for (var k = 0u; k < K; k++) {
        at.coefficients[k] = coefficient(positions[position + k], positions[position + K + k]);
    }
    at.log_eps = positions[position + 2u * K];
    at.inverse_variance = exp_of(-2.0 * at.log_eps);

    var sums: Sums;
    var effects: array<f32, K>;
    for (var j = team.lane; j < J; j += TEAM) {
        for (var k = 0u; k < K; k++) {
            effects[k] = positions[position + HYPERPARAMETERS + k * J + j];
        }
        add_group(&at, team.number, j, &effects, &sums);
        for (var k = 0u; k < K; k++) {
            evaluations[evaluation + HYPERPARAMETERS + k * J + j] = effects[k];
        }
    }

    // From here on every lane has the same numbers, and the first one writes them.
    let first = team.lane == 0u;
    let eps = scale_prior(at.log_eps, priors[K]);
    var log_density = team_sum(team, sums.log_density) + eps.x;
    let by_log_eps = team_sum(team, sums.by_log_eps) + eps.y;
    if first {
        evaluations[evaluation + 2u * K] = by_log_eps;
    }
    for (var k = 0u; k < K; k++) {
        let coefficient = at.coefficients[k];
        let mu = mu_prior(coefficient.mu, priors[k]);
        let sigma = scale_prior(coefficient.log_sigma, priors[k]);
        let by_mu = team_sum(team, sums.by_mu[k]) + mu.y;
        let by_log_sigma = team_sum(team, sums.by_log_sigma[k]) + sigma.y;
        log_density += mu.x + sigma.x;
        if first {
            evaluations[evaluation + k] = by_mu;
            evaluations[evaluation + K + k] = by_log_sigma;
        }
    }
    if first {
        evaluations[evaluation - 1u] = log_density;
    }
}
