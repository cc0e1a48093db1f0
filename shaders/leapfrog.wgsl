// The moving end of the trajectory, in registers, and its leapfrog step. Twin of src/nuts/leapfrog.rs.

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

// The coordinate in a slot.
fn position_at(slot: u32) -> f32 {
    return position[slot / 4u][slot % 4u];
}
