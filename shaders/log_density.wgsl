// One chain's log density and gradient, but for its normalising constant, from what each group adds. Twin of src/density/cpu.rs.
//
// Every lane of a team adds up some of the groups; their sums over the team then make the gradient by the hyperparameters.
// What is to be computed for each hyperparameter, each in another lane computes at once. The first of SUMS sums are the derivatives by
// the hyperparameters, as those stand in theta; number LOG_DENSITY is the log density itself.

// Adds up `sums` over the team, eight of them from 8 `eighth` on; a lane has that of number 8 `eighth` + lane % 8 then. The
// lane that has one of these hyperparameters, number `h` at `value`, adds what it adds alone. The log density is the
// last to be complete.
fn add_up(team: Team, eighth: u32, h: u32, value: f32, sums: ptr<function, array<f32, SUMS>>) -> f32 {
    let own = select(vec2<f32>(0.0), alone(min(h, HYPERPARAMETERS - 1u), value), is_among(h, eighth));
    (*sums)[LOG_DENSITY] += own.x;
    let i = 8u * eighth;
    let low = vec4<f32>((*sums)[i], (*sums)[i + 1u], (*sums)[i + 2u], (*sums)[i + 3u]);
    let high = vec4<f32>((*sums)[i + 4u], (*sums)[i + 5u], (*sums)[i + 6u], (*sums)[i + 7u]);
    return team_deal(team, low, high) + own.y;
}

// Whether `h` is a hyperparameter of the eight from 8 `eighth` on.
fn is_among(h: u32, eighth: u32) -> bool {
    return h / 8u == eighth && h < HYPERPARAMETERS;
}

// What hyperparameter `h` at `value` adds to the log density that no group does, and to its derivative by that: the prior, and a
// dispersion's share of the likelihood.
fn alone(h: u32, value: f32) -> vec2<f32> {
    return prior(h, value) + select(vec2<f32>(0.0), family_alone(h - DISPERSION, value), h >= DISPERSION);
}
