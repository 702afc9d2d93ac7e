//! The command `widget-turn`.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the commands that use it come later")
)]
mod demo;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the commands that use it come later")
)]
mod page;

fn main() {}
