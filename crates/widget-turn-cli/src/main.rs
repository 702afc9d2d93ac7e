//! The command `widget-turn`.

mod demo;
mod stun;

fn main() {}
