// What leaves the device where draws do: every `thin`-th, with what its transition tells. Rows fill up one after the other, whichever
// chain each is of; those of one chain follow in their order.

// The leading KEPT coordinates of each draw.
@group(0) @binding(7) var<storage, read_write> draws: array<f32>;
@group(0) @binding(8) var<storage, read_write> statistics: array<TransitionStatistics>;

// Lets the sample leave, where it is wanted, behind `written` others; returns how many there are then.
fn record(written: u32) -> u32 {
    if run.recording == 0u || (run.since_recorded + chain.made) % run.thin != 0u {
        return written;
    }
    var row = 0u;
    if team.lane == 0u {
        row = atomicAdd(&counts.rows, 1u);
    }
    write_draw(team_word(team, row, 0u));
    return written + 1u;
}

// Lets the sample leave, as draw `row`.
fn write_draw(row: u32) {
    let sample = place_of(team, STATE + 2u * chain.sample);
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        let coordinate = coordinate_of(team.lane, slot);
        if coordinate < KEPT {
            draws[row * KEPT + coordinate] = vectors[sample + slot / 4u * STRIDE][slot % 4u];
        }
    }
    if team.lane == 0u {
        statistics[row] = ended;
    }
    spent += SLOTS;
}
