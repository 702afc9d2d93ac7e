//! The browser, in a page or in a worker.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use gloo_timers::future::TimeoutFuture;
use tokio::sync::oneshot;

use super::Panicked;

pub(crate) use wasm_bindgen_futures::spawn_local as spawn;
pub(crate) use web_time::{Instant, SystemTime};

/// `setTimeout` takes no more, in milliseconds, and fires at once.
const LONGEST_TIMEOUT: u32 = i32::MAX as u32;

/// What runs until its end, or until this is dropped.
pub(crate) struct Task<T>(oneshot::Receiver<T>);

impl<T: 'static> Task<T> {
    pub(crate) fn spawn(future: impl Future<Output = T> + 'static) -> Self {
        let (mut sender, receiver) = oneshot::channel();
        spawn(async move {
            let value = tokio::select! {
                biased;
                () = sender.closed() => return,
                value = future => value,
            };
            // Whoever waited may have gone just now.
            let _ = sender.send(value);
        });
        Self(receiver)
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let received = Pin::new(&mut self.0).poll(context);
        received.map(|received| received.map_err(|_| Panicked))
    }
}

/// A timer that can be set again.
pub(crate) struct Sleep {
    deadline: Instant,
    timeout: Option<TimeoutFuture>,
}

pub(crate) fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        deadline,
        timeout: None,
    }
}

impl Sleep {
    pub(crate) fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.deadline = deadline;
        self.timeout = None;
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            // Browsers fire early by a part of a millisecond.
            let wait = self.deadline.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                self.timeout = None;
                return Poll::Ready(());
            }
            let timeout = self.timeout.get_or_insert_with(|| {
                let millis = u32::try_from(wait.as_micros().div_ceil(1000));
                TimeoutFuture::new(millis.unwrap_or(u32::MAX).min(LONGEST_TIMEOUT))
            });
            ready!(Pin::new(timeout).poll(context));
            self.timeout = None;
        }
    }
}

/// Another number each time. For jitter and ids, not for secrets.
pub(crate) fn seed() -> u64 {
    // The standard library's own randomness is the same in every page.
    let half = || (js_sys::Math::random() * 2_f64.powi(32)) as u64;
    half() << 32 | half()
}
