//! What the crate runs on: tasks, timers, clocks and chance, from tokio or from the browser.
//!
//! The two halves have the same names, so that nothing above them asks where it is.

#[cfg(target_family = "wasm")]
mod browser;
#[cfg(not(target_family = "wasm"))]
mod native;

#[cfg(target_family = "wasm")]
pub(crate) use browser::{Instant, SystemTime, Task, seed, sleep_until, spawn};
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{Instant, SystemTime, Task, seed, sleep_until, spawn};

/// A task came to no end of its own.
#[derive(Debug)]
pub(crate) struct Panicked;

/// `Send`; anything in the browser, where there is one thread, and what JavaScript gives cannot leave it.
#[cfg(not(target_family = "wasm"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_family = "wasm"))]
impl<T: Send + ?Sized> MaybeSend for T {}

/// `Send`; anything in the browser, where there is one thread, and what JavaScript gives cannot leave it.
#[cfg(target_family = "wasm")]
pub trait MaybeSend {}
#[cfg(target_family = "wasm")]
impl<T: ?Sized> MaybeSend for T {}

/// `Sync`; anything in the browser, as [`MaybeSend`].
#[cfg(not(target_family = "wasm"))]
pub trait MaybeSync: Sync {}
#[cfg(not(target_family = "wasm"))]
impl<T: Sync + ?Sized> MaybeSync for T {}

/// `Sync`; anything in the browser, as [`MaybeSend`].
#[cfg(target_family = "wasm")]
pub trait MaybeSync {}
#[cfg(target_family = "wasm")]
impl<T: ?Sized> MaybeSync for T {}
