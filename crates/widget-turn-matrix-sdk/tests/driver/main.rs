//! A widget, `TurnWidgetDriver`, and a mock homeserver. Names of tests begin with the rule that they hold the driver to.
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

#[path = "../mock/account.rs"]
mod account;
mod scene;

mod credentials;
mod pages;
mod permission;
mod same_bytes;
mod transcript;
