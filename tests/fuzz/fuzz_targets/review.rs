#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pgassay_fuzz::review(bytes));
