//! The command `widget-turn`.

fn main() {}
