// One chain's log density and gradient of a formula's model, without constants, by the lanes of a workgroup. Twin of
// src/density/mixed.rs.
//
// Theta and the gradient are in the lanes' common memory, from AT_THETA and from AT_GRADIENT on, and so is all that
// lies between: the hyperparameters' values and slopes, L and Lambda of all terms, the columns' means, effects, and
// sums.

// A lane's sums: the log density, the family's sums, and the derivatives by the population-level coefficients, by
// Lambda of all terms, and by the means of all columns. Padded to quads.
var<private> parts: array<f32, PARTS>;

// The log density at the kept theta; keeps the gradient.
fn density_at(team: Team) -> f32 {
    for (var part = 0u; part < PARTS; part++) {
        parts[part] = 0.0;
    }
    meet();
    parts[0] = hyper_at(team.lane);
    meet();
    set_terms(team.lane);
    meet();
    let sigma = sigma_of();
    let family = family_at(array<f32, DISPERSION_ROOM>(sigma));
    add_effects(team, family);
    for (var quad = 0u; quad < PARTS; quad += 4u) {
        let sums = team_sums(team, vec4<f32>(parts[quad], parts[quad + 1u], parts[quad + 2u], parts[quad + 3u]));
        if team.lane < 4u {
            keep(AT_TOTALS + quad + team.lane, sums[team.lane]);
        }
    }
    meet();
    var own: array<f32, FAMILY_SUMS>;
    for (var s = 0u; s < FAMILY_SUMS; s++) {
        own[s] = family_sum(s);
    }
    var by_log_sigma: array<f32, SUMS>;
    var log_density = kept(AT_TOTALS) + family_finish(family, &own, &by_log_sigma);
    let unit = family_unit(family);
    pull_factor(team.lane, unit);
    for (var k = team.lane; k < POPULATION; k += TEAM) {
        add_to_gradient(k, by_population(k) * unit + by_means(k));
    }
    if DISPERSIONS == 1u {
        let alone = family_alone(0u, log_sigma_of(sigma));
        log_density += alone.x;
        if team.lane == 0u {
            add_to_gradient(SIGMA, (by_log_sigma[0] + alone.y + by_ratio(unit)) / sigma);
        }
    }
    meet();
    return log_density;
}

// Sigma, which is known if it is no hyperparameter.
fn sigma_of() -> f32 {
    if DISPERSIONS == 1u {
        return kept(AT_VALUES + SIGMA);
    }
    return KNOWN_SIGMA;
}

fn log_sigma_of(sigma: f32) -> f32 {
    if hyper_row(SIGMA).map == MAP_EXP {
        return kept(AT_THETA + SIGMA);
    }
    return ln(sigma);
}
