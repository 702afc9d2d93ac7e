//! A widget, `TurnWidgetDriver`, and a mock homeserver. Names of tests begin with the rule that they hold the driver to.
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

#[path = "../mock/account.rs"]
mod account;
mod log;
mod scene;

mod credentials;
mod limits;
mod live_state;
mod pages;
mod permission;
mod room_events;
mod same_bytes;
mod to_device;
mod transcript;
