// How often a loop turns, where a compiler must not know it: software adapters take minutes to compile what they have
// unrolled. The same as loops_unrolled.wgsl, where it may. `run.turns` is more than any loop has.

fn bound(turns: u32) -> u32 {
    return min(turns, run.turns);
}
