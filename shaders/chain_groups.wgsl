// The groups of a chain that the lanes of a team share, each with some of them. chain_alone.wgsl has those of a chain
// that one lane has to itself.

// Adds up over the groups: sets the gradient at the moving end, and returns the log density.
fn of_groups(at: ptr<function, At>) -> f32 {
    var parts: array<f32, PARTS>;
    var effects: array<f32, K>;
    for (var i = 0u; i < bound(GROUP_SLOTS); i++) {
        let j = i * TEAM + team.lane;
        if j < J {
            for (var k = 0u; k < EFFECTS; k++) {
                effects[k] = position_at(k * GROUP_SLOTS + i);
            }
            add_group(at, team.number, j, &effects, &parts);
            for (var k = 0u; k < EFFECTS; k++) {
                let slot = k * GROUP_SLOTS + i;
                gradient[slot / 4u][slot % 4u] = effects[k];
            }
        }
    }
    var sums = sums_of(at, &parts);
    var sum: f32;
    for (var eighth = 0u; eighth < unrolled(EIGHTHS); eighth++) {
        let slot = EFFECTS * GROUP_SLOTS + 8u * eighth / TEAM;
        let h = 8u * eighth / TEAM * TEAM + team.lane;
        sum = add_up(team, eighth, h, position_at(slot), &sums);
        gradient[slot / 4u][slot % 4u] = select(gradient[slot / 4u][slot % 4u], sum, is_among(h, eighth));
    }
    return team_number(team, sum, LOG_DENSITY % 8u);
}
