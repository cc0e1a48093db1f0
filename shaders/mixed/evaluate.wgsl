// Entry: log densities and gradients of a batch of positions of a formula's model, one per workgroup.

// A row of DIM coordinates for each position.
@group(0) @binding(2) var<storage, read> positions: array<f32>;
// A row of 1 + DIM numbers for each position: its log density without the constant, then the gradient.
@group(0) @binding(3) var<storage, read_write> evaluations: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn evaluate(invocation: Invocation) {
    let team = team_of(invocation);
    open_scratch(team.number);
    for (var i = team.lane; i < DIM; i += TEAM) {
        keep(AT_THETA + i, positions[team.number * DIM + i]);
    }
    let log_density = density_at(team);
    let evaluation = team.number * (DIM + 1u);
    for (var i = team.lane; i < DIM; i += TEAM) {
        evaluations[evaluation + 1u + i] = kept(AT_GRADIENT + i);
    }
    if team.lane == 0u {
        evaluations[evaluation] = log_density;
    }
}
