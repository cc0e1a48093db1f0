// Sums over the groups, reduced and scattered over the lanes of a team. Every lane adds up some groups; the sums over
// the team are the gradient by the hyperparameters. Each lane then computes the other terms of its own hyperparameter,
// all lanes at once.

// Adds up eight of the `sums` over the team, from 8 `eighth` on; a lane returns sum 8 `eighth` + lane % 8. The lane
// that has hyperparameter `h`, at `value`, among these eight adds the terms that no group adds. The sum of the log
// density is the last to be complete.
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
