// The gamma functions of counts: log G(k + a) - log G(a) of all rows, about the reference's a_0, is the sum over j of
// the number of rows with more than j, times log((a + j) / (a_0 + j)). Alternative to no_counts.wgsl.

// Adds this lane's share to the family's sums, and the derivative by a.
fn add_counts(lane: u32, family: Family) {
    let reference = exp_of(fixed.reference.log_eps);
    let change = family.shape - reference;
    for (var j = lane; j < COUNTS; j += TEAM) {
        let rows = fixed_number(COUNTS_AT + j);
        parts[1u] += rows * ln_1p(change / (reference + f32(j)));
        parts[2u] += rows / (family.shape + f32(j));
    }
}
