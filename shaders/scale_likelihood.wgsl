// The likelihood of the scales, effects and their means mu integrated out, for one or two coefficients, about its value
// at the mode. Twin of src/density/collapsed/scale_likelihood.rs; about.rs beside it has the numbers of the groups.

// The numbers of groups with the same R, in four quads; the last one begins with how many groups they are.
@group(0) @binding(4) var<storage, read> groups: array<vec4<f32>>;

// The number of rows that are added up at once, so that sums over many of them keep their digits.
const RUN = 32u;

// mu given the scales, about its mean at the mode: normal, with precision L L'; L_00, L_10, L_11.
struct MeansGivenScales {
    mean: vec2<f32>,
    root: vec3<f32>,
    // log |L| about that at the mode.
    log_root: f32,
}

struct LikelihoodOfScales {
    log_likelihood: f32,
    means: MeansGivenScales,
}

// The sums over groups, in units of eps at the mode.
struct GroupSums {
    // H_00, H_10, H_11.
    information: vec3<f32>,
    linear: vec2<f32>,
    // q, and how far q and log |V| are from those at the mode.
    quadratic: f32,
    change: f32,
    log_determinant: f32,
}

// log p(y | scales) at log scales about those at the mode, and mu given y and these.
fn likelihood_at(logs: vec3<f32>) -> LikelihoodOfScales {
    let log_eps = logs[K];
    var log_ratio = vec2<f32>(2.0 * (logs[0] - log_eps), 0.0);
    if K > 1u {
        log_ratio.y = 2.0 * (logs[1] - log_eps);
    }
    let sums = closed_sums(log_ratio);
    let log_scale = -2.0 * log_eps;
    let scale = exp_of(log_scale);
    let root_00 = sqrt(scale * sums.information.x + run.prior_precision_0);
    let root_10 = scale * sums.information.y / root_00;
    let root_11 = sqrt(scale * sums.information.z + run.prior_precision_1 - root_10 * root_10);
    let root = vec3<f32>(root_00, root_10, root_11);
    let first = (scale * sums.linear.x + run.prior_linear_0) / root_00;
    let second = (scale * sums.linear.y + run.prior_linear_1 - root_10 * first) / root_11;
    // Near the mode the differences keep their digits; far from it, where q and e^2 may vanish together or s may be
    // large, the sums do.
    let is_near = abs(log_scale) < 1.0 && max(log_ratio.x, log_ratio.y) < 4.0;
    let near = run.squares * excess(log_scale) + scale * sums.change;
    let far = scale * (sums.quadratic + run.rest) - run.squares - run.squares * log_scale;
    let squares = select(far, near, is_near) - first * first - second * second;
    let log_root = ln(root_00 * root_11 * run.inverse_root);
    let log_likelihood = -run.freedom * log_eps - 0.5 * (sums.log_determinant + squares) - log_root;
    let means = MeansGivenScales(back(root, vec2<f32>(first, second)), root, log_root);
    return LikelihoodOfScales(log_likelihood, means);
}

// L'^-1 x.
fn back(root: vec3<f32>, x: vec2<f32>) -> vec2<f32> {
    let second = x.y / root.z;
    return vec2<f32>((x.x - root.y * second) / root.x, second);
}

// mu at standard normal deviates, about its mean at the mode.
fn means_draw(means: MeansGivenScales, deviates: vec2<f32>) -> vec2<f32> {
    return means.mean + back(means.root, deviates);
}

// The sums over groups where the logs of s_0 and s_1 are `log_ratio` from those at the mode.
//
// Each row has four parts of D, as shares of D at the mode: the constant one and those that grow with s_0, s_1 and
// s_0 s_1. They add up to D over D at the mode, of which `inverse` is the inverse, and `change` is inverse - 1, without
// a difference of sums.
fn closed_sums(log_ratio: vec2<f32>) -> GroupSums {
    let both = log_ratio.x + log_ratio.y;
    let powers = vec4<f32>(1.0, exp_of(log_ratio.x), exp_of(log_ratio.y), exp_of(both));
    let growth = vec3<f32>(exp_m1(log_ratio.x), exp_m1(log_ratio.y), exp_m1(both));
    var shares: vec4<f32>;
    var linear: vec4<f32>;
    var others: vec4<f32>;
    var changes: vec4<f32>;
    // Of rows of several groups; of the others, the product is 2^exponent times `product`.
    var log_determinant = 0.0;
    var product = 1.0;
    var exponent = 0.0;
    for (var begin = 0u; begin < run.groups; begin += RUN) {
        var near: array<vec4<f32>, 4>;
        var logs = 0.0;
        for (var j = begin; j < min(begin + RUN, run.groups); j++) {
            let parts = groups[4u * j];
            let count = groups[4u * j + 3u].x;
            let relative = dot(parts, powers);
            let inverse = 1.0 / relative;
            let change = -dot(parts.yzw, growth) * inverse;
            near[0] += count * inverse * parts;
            near[1] += inverse * groups[4u * j + 1u];
            near[2] += inverse * groups[4u * j + 2u];
            near[3] += change * groups[4u * j + 2u];
            if count > 1.0 {
                logs += count * ln(relative);
            } else {
                let scaled = split(product * relative);
                exponent += scaled.x;
                product = scaled.y;
            }
        }
        shares += near[0];
        linear += near[1];
        others += near[2];
        changes += near[3];
        log_determinant += logs;
    }
    let information = vec3<f32>(
        run.information_0 * (shares.y + powers.z * shares.w),
        linear.x,
        run.information_1 * (shares.z + powers.y * shares.w),
    );
    return GroupSums(
        information,
        vec2<f32>(linear.y + powers.z * linear.z, linear.w + powers.y * others.x),
        dot(others.yzw, powers.xyz),
        dot(changes.yzw, powers.xyz) + run.quadratic_0 * growth.x + run.quadratic_1 * growth.y,
        log_determinant + ln(product) + exponent * 0.69314718,
    );
}
