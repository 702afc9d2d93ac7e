//! Calls into the app: none begins, and none is under way, once they are ended.

use std::sync::Arc;

use tokio::sync::watch;

/// The calls of one feed or of one layer.
///
/// A call is a future of the app's side. Dropping it cancels what runs there.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    state: Arc<watch::Sender<State>>,
    /// These end with those.
    parent: Option<Arc<Self>>,
}

#[derive(Debug)]
enum State {
    Open { under_way: usize },
    Ended { under_way: usize },
}

struct UnderWay<'a>(&'a watch::Sender<State>);

impl Calls {
    pub(crate) fn new() -> Self {
        Self {
            state: Arc::new(watch::Sender::new(State::Open { under_way: 0 })),
            parent: None,
        }
    }

    /// Calls that also end when these end.
    pub(crate) fn child(&self) -> Self {
        Self {
            parent: Some(Arc::new(self.clone())),
            ..Self::new()
        }
    }

    /// What comes of the call; `None` if it was ended, or never begun.
    pub(crate) async fn run<T>(&self, call: impl Future<Output = T> + Send) -> Option<T> {
        match &self.parent {
            Some(parent) => parent.run_here(self.run_here(call)).await.flatten(),
            None => self.run_here(call).await,
        }
    }

    async fn run_here<T>(&self, call: impl Future<Output = T>) -> Option<T> {
        let _under_way = self.begin()?;
        let mut state = self.state.subscribe();
        tokio::select! {
            biased;
            _ = state.wait_for(|state| matches!(state, State::Ended { .. })) => None,
            // Moved into the `select!`, so that it is dropped before it counts as over.
            result = call => Some(result),
        }
    }

    fn begin(&self) -> Option<UnderWay<'_>> {
        let mut begun = false;
        self.state.send_if_modified(|state| {
            if let State::Open { under_way } = state {
                *under_way += 1;
                begun = true;
            }
            false
        });
        begun.then(|| UnderWay(&self.state))
    }

    /// Whether they have been ended, or those that they belong to.
    pub(crate) fn have_ended(&self) -> bool {
        matches!(*self.state.borrow(), State::Ended { .. })
            || self
                .parent
                .as_ref()
                .is_some_and(|parent| parent.have_ended())
    }

    /// Ends them, without waiting for those under way to be cancelled.
    pub(crate) fn end(&self) {
        self.state.send_if_modified(|state| match *state {
            State::Open { under_way } => {
                *state = State::Ended { under_way };
                true
            }
            State::Ended { .. } => false,
        });
    }

    /// Waits until none is under way. After `end`.
    pub(crate) async fn over(&self) {
        let mut state = self.state.subscribe();
        // The sender is in `self`: there will be a value to wait for.
        let _ = state
            .wait_for(|state| matches!(state, State::Ended { under_way: 0 }))
            .await;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.send_if_modified(|state| match state {
            State::Open { under_way } => {
                *under_way -= 1;
                false
            }
            State::Ended { under_way } => {
                *under_way -= 1;
                *under_way == 0
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    async fn over(calls: &Calls) {
        calls.end();
        tokio::time::timeout(Duration::from_secs(60), calls.over())
            .await
            .expect("they are over");
    }

    struct Flag(Arc<AtomicBool>);

    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn a_call_under_way_is_dropped_before_it_counts_as_over() {
        let calls = Calls::new();
        let dropped = Arc::new(AtomicBool::new(false));
        let flag = Flag(dropped.clone());
        let running = tokio::spawn({
            let calls = calls.clone();
            async move {
                calls
                    .run(async move {
                        let _flag = flag;
                        std::future::pending::<()>().await;
                    })
                    .await
            }
        });
        tokio::task::yield_now().await;
        assert!(!calls.have_ended());
        over(&calls).await;
        assert!(dropped.load(Ordering::SeqCst));
        assert_eq!(running.await.unwrap(), None);
    }

    #[tokio::test]
    async fn no_call_begins_after_the_end() {
        let calls = Calls::new();
        assert_eq!(calls.run(async { 1 }).await, Some(1));
        over(&calls).await;
        assert_eq!(
            calls.run(async { unreachable!("it must not begin") }).await,
            None::<()>
        );
    }

    #[tokio::test]
    async fn calls_of_a_layer_end_with_those_of_its_feed_and_not_the_other_way() {
        let feed = Calls::new();
        let (one, other) = (feed.child(), feed.child());
        one.end();
        assert_eq!(one.run(async { 1 }).await, None);
        assert_eq!(other.run(async { 1 }).await, Some(1));
        over(&feed).await;
        assert!(other.have_ended());
        assert_eq!(other.run(async { 1 }).await, None);
    }
}
