//! Writes the bindings: `cargo run -p widget-turn-ffi --features bindgen --bin uniffi-bindgen -- generate --library …`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
