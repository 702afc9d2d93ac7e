//! The rules about credentials, C1 to C7, of a [`Refresher`](widget_turn_proto::Refresher) on a clock that the test turns.

mod bench;
mod clock;
mod failures;
mod hostile;
mod random;
mod refusals;
mod schedule;
mod sharing;
mod span;
