//! Files of Parquet and Arrow.

#![no_main]

#[path = "../inputs/reading.rs"]
mod reading;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    reading::take(input, reading::is_columnar);
});
