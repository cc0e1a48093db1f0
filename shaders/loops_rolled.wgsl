// Loop bounds that compilers must not know: those of software adapters take minutes for loops that they unroll.
// Alternative to loops_unrolled.wgsl. `run.turns` is larger than any bound.

fn bound(turns: u32) -> u32 {
    return min(turns, run.turns);
}
