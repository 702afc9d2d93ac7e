//! The page that hosts a widget in the browser: a local web server, and one socket for each tab.
//!
//! The page holds the widget's iframe, asks the person for permission and shows what host and widget say to each
//! other. It decides nothing: every message of the widget goes through the socket to the session behind it, untouched.

mod assets;
mod config;
mod guard;
mod listener;
mod server;
mod socket;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use assets::asset;
pub(crate) use config::{PageConfig, PageRoom};
pub(crate) use guard::{LocalNames, Refusal, secured};
pub(crate) use listener::{LocalListener, PageError};
pub(crate) use server::PageServer;
pub(crate) use socket::{Decision, FromPage, PageSession, ToPage};
