#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| widget_turn_fuzz::both_sides(data));
