//! The widget's side between a scripted host and its consumers, on a clock that the tests turn; then the whole way, from
//! the homeserver's credentials to the consumers. Names of tests begin with the fault of other published widget sides
//! that they show not to be ours, or with the rule.

mod harness;

mod bad_input;
mod consumers;
mod cross;
mod erratic;
mod hosts;
mod negotiation;
mod retries;
mod versions;
