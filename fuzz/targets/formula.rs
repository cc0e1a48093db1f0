//! Formulas.

#![no_main]

#[path = "../inputs/formula.rs"]
mod formula;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    formula::take(input);
});
