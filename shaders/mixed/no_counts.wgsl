// Families whose log likelihood is that of their rows alone. Alternative to counts.wgsl.

fn add_counts(lane: u32, family: Family) {}
