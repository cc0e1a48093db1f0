// One chain's log density and gradient, but for its normalising constant, from what each group adds: twin of
// src/density/cpu.rs.
//
// Every lane of a team adds up some of the groups; their sums over the team then make the gradient by the hyperparameters.
// What is to be computed for each hyperparameter, each in another lane computes at once.

// The hyperparameters at a position.
struct At {
    coefficients: array<Coefficient, K>,
    // 1 / eps^2.
    inverse_variance: f32,
}

// Places of sums over groups: of the log density's derivative by each hyperparameter, in their order, and of the log density
// itself; in whole eights.
const BY_LOG_SIGMA = K;
const BY_LOG_EPS = 2u * K;
const LOG_DENSITY = HYPERPARAMETERS;
const SUMS = (HYPERPARAMETERS + 8u) / 8u * 8u;

// Adds up `sums` over the team, eight of them from 8 `eighth` on; a lane has that of number 8 `eighth` + lane % 8 then. The
// lane that has one of these hyperparameters, number `h` at `value`, adds the share of its prior. The log density is the
// last to be complete.
fn add_up(team: Team, eighth: u32, h: u32, value: f32, sums: ptr<function, array<f32, SUMS>>) -> f32 {
    let prior = select(vec2<f32>(0.0), prior_of(min(h, HYPERPARAMETERS - 1u), value), is_among(h, eighth));
    (*sums)[LOG_DENSITY] += prior.x;
    let i = 8u * eighth;
    let low = vec4<f32>((*sums)[i], (*sums)[i + 1u], (*sums)[i + 2u], (*sums)[i + 3u]);
    let high = vec4<f32>((*sums)[i + 4u], (*sums)[i + 5u], (*sums)[i + 6u], (*sums)[i + 7u]);
    return team_deal(team, low, high) + prior.y;
}

// Whether `h` is a hyperparameter of the eight from 8 `eighth` on.
fn is_among(h: u32, eighth: u32) -> bool {
    return h / 8u == eighth && h < HYPERPARAMETERS;
}

// What the prior of hyperparameter `h` at `value` adds to the log density, and to its derivative by that; of eps also what
// its likelihood adds that no group does.
fn prior_of(h: u32, value: f32) -> vec2<f32> {
    if h < K {
        return mu_prior(value, fixed.priors[h]);
    }
    let prior = scale_prior(value, fixed.priors[h - K]);
    return prior + select(vec2<f32>(0.0), noise(value), h == BY_LOG_EPS);
}

// With x = -2 (log eps - log eps_0): -N/2 (e^x - 1 - x), and the derivative by log eps, N (e^x - 1).
fn noise(log_eps: f32) -> vec2<f32> {
    let x = -2.0 * (log_eps - fixed.reference.log_eps);
    let excess = excess_of(x);
    return fixed.reference.observations * vec2<f32>(-0.5 * excess, excess + x);
}

// e^x - 1 - x, by its series where the difference would have few digits.
fn excess_of(x: f32) -> f32 {
    let series = 1.0 / 24.0 + x * (1.0 / 120.0 + x * (1.0 / 720.0 + x * (1.0 / 5040.0 + x * (1.0 / 40320.0 + x / 362880.0))));
    return select(exp_of(x) - 1.0 - x, x * x * (0.5 + x * (1.0 / 6.0 + x * series)), abs(x) < 0.5);
}

// Log density of a scale's half-Cauchy prior and of its logarithm's Jacobian, and the derivative by that logarithm: with
// t = log (s/c), log s - log(1 + e^2t) and -tanh t. Written so that nothing overflows.
fn scale_prior(log_scale: f32, prior: Prior) -> vec2<f32> {
    let t = log_scale - prior.log_scale;
    let small = exp_of(-2.0 * abs(t));
    let size = (1.0 - small) / (1.0 + small);
    return vec2<f32>(log_scale - 2.0 * max(t, 0.0) - ln(1.0 + small), -sign(t) * size);
}

// Log density of the prior of mu, and the derivative by mu.
fn mu_prior(mu: f32, prior: Prior) -> vec2<f32> {
    let from_mean = mu - prior.mu_mean;
    let force = from_mean * prior.mu_precision;
    return vec2<f32>(-0.5 * from_mean * force, -force);
}
