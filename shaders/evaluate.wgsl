// Entry: log density and gradient of a batch of positions, a team of lanes each.

// A row of 1 + DIM numbers for each position: its log density but for the constant, and the gradient.
@group(0) @binding(3) var<storage, read_write> evaluations: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn evaluate(invocation: Invocation) {
    let team = team_of(invocation);
    // Room for whole workgroups of positions is there, so that the last one need not look whether it has work.
    let evaluation = team.number * (DIM + 1u) + 1u;
    var at = hyperparameters(team.number);

    var parts: array<f32, PARTS>;
    var effects: array<f32, K>;
    for (var j = team.lane; j < J; j += TEAM) {
        for (var k = 0u; k < EFFECTS; k++) {
            effects[k] = effect(team.number, k, j);
        }
        add_group(&at, team.number, j, &effects, &parts);
        for (var k = 0u; k < EFFECTS; k++) {
            evaluations[evaluation + HYPERPARAMETERS + k * J + j] = effects[k];
        }
    }
    var sums = sums_of(&at, &parts);

    for (var eighth = 0u; eighth < SUMS / 8u; eighth++) {
        let number = 8u * eighth + team.lane % 8u;
        // A hyperparameter's prior is for one lane to add.
        let h = select(HYPERPARAMETERS, number, team.lane < 8u);
        let value = positions[team.number * DIM + min(number, HYPERPARAMETERS - 1u)];
        let sum = add_up(team, eighth, h, value, &sums);
        if team.lane < 8u && number <= LOG_DENSITY {
            evaluations[select(evaluation + number, evaluation - 1u, number == LOG_DENSITY)] = sum;
        }
    }
}
