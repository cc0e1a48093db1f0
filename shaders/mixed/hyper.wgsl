// The hyperparameters of a formula's model: the maps from theta, and their priors, without constants. Twin of
// src/model/mixed_map.rs, src/model/prior.rs and src/density/mixed/hyper.rs.

// Maps and priors, as in src/density/gpu/mixed_tables.rs.
const MAP_EXP = 1u;
const MAP_INTERVAL = 2u;
const MAP_TANH = 3u;
const PRIOR_NORMAL = 0u;
const PRIOR_STUDENT_T = 1u;
const PRIOR_EXPONENTIAL = 2u;
const PRIOR_PARTIAL = 4u;
const PRIOR_GAMMA = 5u;
const PRIOR_INVERSE_GAMMA = 6u;

// A hyperparameter at an entry of theta: its value, the derivative of this by the entry, the log of that derivative
// without its constant, and the derivative of the log.
struct AtEntry {
    value: f32,
    slope: f32,
    log_slope: f32,
    by_entry: f32,
}

fn scalar_at(row: HyperRow, entry: f32) -> AtEntry {
    if row.map == MAP_EXP {
        let value = exp_of(entry);
        return AtEntry(value, value, entry, 1.0);
    }
    if row.map == MAP_INTERVAL {
        let small = exp_of(-abs(entry));
        let near = small / (1.0 + small);
        let far = 1.0 / (1.0 + small);
        let share = select(far, near, entry < 0.0);
        let rest = select(near, far, entry < 0.0);
        return AtEntry(row.low + row.width * share, row.width * share * rest, -abs(entry) - 2.0 * ln_1p(small), rest - share);
    }
    if row.map == MAP_TANH {
        let small = exp_of(-2.0 * abs(entry));
        let value = sign(entry) * (1.0 - small) / (1.0 + small);
        let slope = 4.0 * small / ((1.0 + small) * (1.0 + small));
        return AtEntry(value, slope, -2.0 * abs(entry) - 2.0 * ln_1p(small), -2.0 * value);
    }
    return AtEntry(entry, 1.0, 0.0, 0.0);
}

// The log density of a value under its prior, and its derivative.
fn variable_at(row: HyperRow, x: f32) -> vec2<f32> {
    let z = (x - row.location) / row.scale;
    if row.shape == PRIOR_NORMAL {
        return vec2<f32>(-0.5 * z * z, -z / row.scale);
    }
    if row.shape == PRIOR_STUDENT_T {
        let square = z * z / row.df;
        let slope = (row.df + 1.0) * z / (row.df * (1.0 + square) * row.scale);
        return vec2<f32>(-0.5 * (row.df + 1.0) * ln_1p(square), -slope);
    }
    if row.shape == PRIOR_EXPONENTIAL {
        return vec2<f32>(-z, -1.0 / row.scale);
    }
    if row.shape == PRIOR_GAMMA {
        return vec2<f32>((row.df - 1.0) * ln(z) - z, (row.df - 1.0) / x - 1.0 / row.scale);
    }
    if row.shape == PRIOR_INVERSE_GAMMA {
        return vec2<f32>(-(row.df + 1.0) * ln(z) - 1.0 / z, (1.0 / z - row.df - 1.0) / x);
    }
    return vec2<f32>();
}

// Keeps the values and slopes of this lane's hyperparameters, and the derivatives of the log prior by their entries;
// returns the log prior.
fn hyper_at(lane: u32) -> f32 {
    var log_density = 0.0;
    for (var h = lane; h < HYPER; h += TEAM) {
        let row = hyper_row(h);
        let at = scalar_at(row, kept(AT_THETA + h));
        keep(AT_VALUES + h, at.value);
        keep(AT_SLOPES + h, at.slope);
        if row.shape == PRIOR_PARTIAL {
            log_density += row.df * at.log_slope;
            keep(AT_GRADIENT + h, row.df * at.by_entry);
        } else {
            let prior = variable_at(row, at.value);
            log_density += prior.x + at.log_slope;
            keep(AT_GRADIENT + h, prior.y * at.slope + at.by_entry);
        }
    }
    return log_density;
}
