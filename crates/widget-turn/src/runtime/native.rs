//! tokio, whose clock a test can pause.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::JoinHandle;

use super::Panicked;

pub(crate) use std::time::SystemTime;
pub(crate) use tokio::time::{Instant, sleep_until};

/// Runs `future` to its end.
#[track_caller]
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(future);
}

/// What runs until its end, or until this is dropped.
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    #[track_caller]
    pub(crate) fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.0).poll(context) {
            Poll::Ready(Ok(value)) => Poll::Ready(Ok(value)),
            // The runtime shuts down, and ends whoever waits here too.
            Poll::Ready(Err(error)) if error.is_cancelled() => Poll::Pending,
            Poll::Ready(Err(_)) => Poll::Ready(Err(Panicked)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Another number each time. For jitter and ids, not for secrets.
pub(crate) fn seed() -> u64 {
    // The standard library's own randomness: jitter needs no better.
    RandomState::new().build_hasher().finish()
}
