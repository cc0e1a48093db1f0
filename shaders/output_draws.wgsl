// Output of draws: every `thin`-th draw, with its transition's statistics. The first draw of all chains makes the first
// rows, the second the next, and so on, whenever each is recorded: the order in which the host hands draws over.

// The leading KEPT coordinates of each draw.
@group(0) @binding(7) var<storage, read_write> draws: array<f32>;
@group(0) @binding(8) var<storage, read_write> statistics: array<TransitionStatistics>;

// Writes out the sample, if it is to be recorded, after `written` draws of the chain; returns the new number of draws.
fn record(written: u32) -> u32 {
    if run.recording == 0u || (run.since_recorded + chain.made) % run.thin != 0u {
        return written;
    }
    write_draw(written * run.chains + team.number);
    return written + 1u;
}

// Writes out the sample as draw `row`.
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
