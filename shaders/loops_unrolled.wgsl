// Loop bounds that compilers may know: they unroll short loops, and small arrays become registers. Alternative to
// loops_rolled.wgsl.

fn bound(turns: u32) -> u32 {
    return turns;
}
