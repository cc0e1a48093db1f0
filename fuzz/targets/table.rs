//! Tables of text, packed or not.

#![no_main]

#[path = "../inputs/reading.rs"]
mod reading;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    reading::take(input, |file| !reading::is_columnar(file));
});
