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
    kick_along(0.5 * step);
    for (var quad = 0u; quad < bound(QUADS); quad++) {
        let s = step * scales[quad * TEAM + team.lane];
        momentum[quad] += s * gradient[quad] * 0.5;
        position[quad] += s * momentum[quad];
    }
    drift_along(step);
    leaf_log_density = log_density();
    spent += 4u * SLOTS + GROUP_SLOTS * GROUP_TURNS + 4u * K + 40u;
}

// The part of a kick that is along the metric's eigenvectors: w += h sum_r (sqrt(l_r) - 1) u_r u_r' S g.
fn kick_along(step: f32) {
    for (var four = 0u; four < run.fours; four++) {
        let first = eigenvector_of(four);
        var products = vec4<f32>();
        for (var quad = 0u; quad < bound(QUADS); quad++) {
            products += along_four(first + quad * TEAM, scales[quad * TEAM + team.lane] * gradient[quad]);
        }
        let along = step * factors_of(four) * team_sums(team, products);
        for (var quad = 0u; quad < bound(QUADS); quad++) {
            momentum[quad] += by_four(first + quad * TEAM, along);
        }
    }
    spent += run.fours * (2u * QUADS + TURNS_OF_SUMS);
}

// The part of a drift that is along the metric's eigenvectors: q += h S sum_r (sqrt(l_r) - 1) u_r u_r' w.
fn drift_along(step: f32) {
    for (var four = 0u; four < run.fours; four++) {
        let first = eigenvector_of(four);
        var products = vec4<f32>();
        for (var quad = 0u; quad < bound(QUADS); quad++) {
            products += along_four(first + quad * TEAM, momentum[quad]);
        }
        let along = step * factors_of(four) * team_sums(team, products);
        for (var quad = 0u; quad < bound(QUADS); quad++) {
            position[quad] += scales[quad * TEAM + team.lane] * by_four(first + quad * TEAM, along);
        }
    }
    spent += run.fours * (2u * QUADS + TURNS_OF_SUMS);
}

// The index of quad 0 of this lane in the first eigenvector of four `four`.
fn eigenvector_of(four: u32) -> u32 {
    return (1u + 4u * four) * QUADS * TEAM + team.lane;
}

// The factors sqrt(l_r) - 1 of four eigenvectors.
fn factors_of(four: u32) -> vec4<f32> {
    return scales[(1u + 4u * run.fours) * QUADS * TEAM + four];
}

// The products of a quad with those of four eigenvectors, from the one at `at` on.
fn along_four(at: u32, values: vec4<f32>) -> vec4<f32> {
    const NEXT = QUADS * TEAM;
    return vec4<f32>(
        dot(scales[at], values),
        dot(scales[at + NEXT], values),
        dot(scales[at + 2u * NEXT], values),
        dot(scales[at + 3u * NEXT], values),
    );
}

// The sum of the quads of four eigenvectors by their factors, from the one at `at` on.
fn by_four(at: u32, factors: vec4<f32>) -> vec4<f32> {
    const NEXT = QUADS * TEAM;
    return factors.x * scales[at] + factors.y * scales[at + NEXT] + factors.z * scales[at + 2u * NEXT]
        + factors.w * scales[at + 3u * NEXT];
}

// The coordinate in a slot.
fn position_at(slot: u32) -> f32 {
    return position[slot / 4u][slot % 4u];
}
