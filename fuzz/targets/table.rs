//! Tables of text, packed or not: a data set, or an error of one line.

#![no_main]

mod reading;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let columnar = [&b"PAR1"[..], b"ARROW1", &[0xff; 4]];
    reading::read(input, |file| !columnar.iter().any(|magic| file.starts_with(magic)));
});
