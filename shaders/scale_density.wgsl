// The log density of the scales on axes that bend, about its value at the mode. Twin of src/independent/axis.rs and
// src/independent/density.rs.

// The log density at scales, and what else is known there. All logs are about those at the mode.
struct AtScales {
    // On the axes; not finite where the scales are too far away.
    log_density: f32,
    // Of the log scales, without the Jacobian of the axes.
    density_of_logs: f32,
    logs: vec3<f32>,
    means: MeansGivenScales,
}

// The log scale, and the axis's slope over that at the mode, where u is `moved` from the mode.
fn at_each(axis: AxisRow, moved: f32) -> vec2<f32> {
    let change = exp_m1(-moved);
    return vec2<f32>(moved - axis.bend * change, 1.0 + axis.bent_share * change);
}

fn density_at(moved: vec3<f32>) -> AtScales {
    var logs: vec3<f32>;
    var slopes = 1.0;
    var prior = 0.0;
    var tails = 1.0;
    for (var i = 0u; i < bound(SCALES); i++) {
        let at = at_each(axes[i], moved[i]);
        logs[i] = at.x;
        slopes *= at.y;
        prior += at.x;
        tails *= 1.0 + axes[i].tail_share * exp_m1(2.0 * at.x);
    }
    let likelihood = likelihood_at(logs);
    let density_of_logs = likelihood.log_likelihood + prior - ln(tails);
    return AtScales(density_of_logs + ln(slopes), density_of_logs, logs, likelihood.means);
}
