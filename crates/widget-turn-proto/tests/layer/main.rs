//! One layer between a scripted widget and a host behind it, on a clock that the tests turn. Names of tests begin with
//! the rule that they hold the layer to.

mod harness;

mod aside;
mod bad_input;
mod bounds;
mod handshake;
mod pass_through;
mod peers;
mod prompt;
mod reload;
mod renegotiation;
mod updates;
mod vectors;
mod watching;
