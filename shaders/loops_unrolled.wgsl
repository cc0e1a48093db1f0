// How often a loop turns, where a compiler may know it: short loops are unrolled then, and small arrays become registers.
// The same as loops_rolled.wgsl, where it may not.

fn bound(turns: u32) -> u32 {
    return turns;
}
