//! The command `widget-turn`.

#[cfg_attr(not(test), expect(dead_code, reason = "the command comes next"))]
mod demo;
#[cfg_attr(not(test), expect(dead_code, reason = "the command comes next"))]
mod page;
#[cfg_attr(not(test), expect(dead_code, reason = "the command comes next"))]
mod stun;

fn main() {}
