//! What the targets in `fuzz` hold every input to, held against a few inputs: the targets are a package of their own,
//! which no other test compiles.

#[path = "../fuzz/inputs/formula.rs"]
mod formula;
#[path = "../fuzz/inputs/reading.rs"]
mod reading;
#[path = "../fuzz/inputs/root.rs"]
mod root;

/// How many of the inputs are accepted, and how many refused.
fn counted(inputs: impl Iterator<Item = Vec<u8>>, take: impl Fn(&[u8]) -> bool) -> [usize; 2] {
    let (accepted, refused): (Vec<bool>, Vec<bool>) = inputs.map(|input| take(&input)).partition(|is| *is);
    [accepted.len(), refused.len()]
}

/// The input with one byte changed, for each byte.
fn with_a_changed_byte(input: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..input.len()).map(|at| {
        let mut changed = input.to_vec();
        changed[at] ^= 0x15;
        changed
    })
}

#[test]
fn tables_with_a_changed_byte_are_data_or_an_error() {
    let sound = b"\0g~\ty=\tx=\ng,y,x\na,1,2\na,2,3.5\nb,3,5\nb,5,4\nc,2,2\nc,7,1\n";
    let take = |input: &[u8]| reading::take(input, |file| !reading::is_columnar(file));
    assert!(take(sound) && !reading::take(sound, reading::is_columnar));
    let [accepted, refused] = counted(with_a_changed_byte(sound), take);
    assert!(accepted > 5 && refused > 5, "{accepted} {refused}");
}

#[test]
fn formulas_with_a_changed_byte_are_models_or_an_error() {
    let sound = b"y ~ x + dose * z + I(x^2) + (1 + x | school) + (0 + z || class); sigma ~ dose + x\0dose=high";
    assert!(formula::take(sound));
    let [accepted, refused] = counted(with_a_changed_byte(sound), formula::take);
    assert!(accepted > 0 && refused > 20, "{accepted} {refused}");
}

#[test]
fn edited_roots_are_runs_or_an_error() {
    let runs = root::Runs::made();
    for run in 0..3 {
        assert!(runs.take(&[run, 0]) && runs.take(&[run, 1]), "as written");
        // Kinds of edits, of the first nodes.
        let edits = (0..9).flat_map(|kind| (0..12).map(move |node| vec![run, 1, 0, 0, node, kind, 160 + kind, 2]));
        let [accepted, refused] = counted(edits, |input| runs.take(input));
        assert!(accepted > 0 && refused > 20, "{accepted} {refused}");
    }
}
