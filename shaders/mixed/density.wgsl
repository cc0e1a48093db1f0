// One chain's log density and gradient of a formula's model, without constants, by the lanes of a workgroup. Twin of
// src/density/mixed.rs.
//
// Theta and the gradient are in the lanes' common memory, from AT_THETA and from AT_GRADIENT on, and so is all that
// lies between: the hyperparameters' values and slopes, L and Lambda of all terms, the columns' means, effects, and
// sums.

// A lane's sums: the log density, the family's sums, and the derivatives by the population-level coefficients, by
// Lambda of all terms, by the means of all columns, and by the coefficients of log sigma. Padded to quads.
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
    let family = family_here();
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
    var by_logs: array<f32, SUMS>;
    var log_density = kept(AT_TOTALS) + family_finish(family, &own, &by_logs);
    let unit = family_unit(family);
    pull_factor(team.lane, unit);
    for (var k = team.lane; k < POPULATION; k += TEAM) {
        add_to_gradient(k, by_population(k) * unit + by_means(k));
    }
    for (var d = 0u; d < DISPERSIONS; d++) {
        let alone = family_alone(d, log_dispersion_of(d));
        log_density += alone.x;
        if team.lane == 0u && place_of_dispersion(d) < HYPER {
            // Lambda is relative to the first one.
            let also = select(0.0, by_ratio(unit), d == 0u);
            add_to_gradient(place_of_dispersion(d), (by_logs[d] + alone.y + also) / dispersion_of(d));
        }
    }
    log_density += add_scales(team.lane);
    meet();
    return log_density;
}

// The family at the dispersions.
fn family_here() -> Family {
    var dispersions: array<f32, DISPERSION_ROOM>;
    for (var d = 0u; d < DISPERSIONS; d++) {
        dispersions[d] = dispersion_of(d);
    }
    return family_at(dispersions);
}

// The place of dispersion `d` among the hyperparameters, or their number if it is known.
fn place_of_dispersion(d: u32) -> u32 {
    return select(SECOND_DISPERSION, FIRST_DISPERSION, d == 0u);
}

// Dispersion `d`, which is known if it is no hyperparameter.
fn dispersion_of(d: u32) -> f32 {
    let place = place_of_dispersion(d);
    if place < HYPER {
        return kept(AT_VALUES + place);
    }
    return select(KNOWN_SECOND, KNOWN_FIRST, d == 0u);
}

fn log_dispersion_of(d: u32) -> f32 {
    let place = place_of_dispersion(d);
    if place < HYPER && hyper_row(min(place, HYPER - 1u)).map == MAP_EXP {
        return kept(AT_THETA + place);
    }
    return ln(dispersion_of(d));
}
