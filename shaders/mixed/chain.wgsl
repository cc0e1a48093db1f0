// The log density of a formula's model at the moving end of a chain's trajectory. Alternative to chain_density.wgsl.

// Sets the gradient at the moving end, and returns the log density there.
fn log_density() -> f32 {
    open_scratch(team.number);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        let coordinate = coordinate_of(team.lane, slot);
        if coordinate < DIM {
            keep(AT_THETA + coordinate, position_at(slot));
        }
    }
    let log_density = density_at(team);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        let coordinate = coordinate_of(team.lane, slot);
        if coordinate < DIM {
            gradient[slot / 4u][slot % 4u] = kept(AT_GRADIENT + coordinate);
        }
    }
    return log_density;
}
