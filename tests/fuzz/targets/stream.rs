#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zonda_fuzz::stream(data));
