//! Calls into the app: none begins, and none is under way, once they are ended.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How long the app's code is waited for when it is cancelled. Most of it ends at once; some of it does not listen. And of
/// what is cancelled before Kotlin has begun with it, the binding never says that it is over.
const CANCEL_PATIENCE: Duration = Duration::from_secs(3);

/// The calls of one feed or of one layer.
///
/// A call is a future of the app's side. Dropping it asks what runs there to end, and returns before it has: a `finally` of
/// the app's may take its time. UniFFI says nothing of that end to anyone but the waker that the future was polled with
/// last, which the app's side keeps until then. So each call is polled with a waker of its own, and is under way for as long
/// as there is one.
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

struct UnderWay(Arc<watch::Sender<State>>);

/// What the app's side keeps for as long as its code runs.
struct CallWaker {
    waker: Waker,
    _under_way: Arc<UnderWay>,
}

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
        let under_way = self.begin()?;
        let mut state = self.state.subscribe();
        // Dropped before `under_way`, and so before it counts as over.
        let mut call = pin!(call);
        let call = poll_fn(|cx| {
            let waker = Waker::from(Arc::new(CallWaker {
                waker: cx.waker().clone(),
                _under_way: under_way.clone(),
            }));
            call.as_mut().poll(&mut Context::from_waker(&waker))
        });
        tokio::select! {
            biased;
            _ = state.wait_for(|state| matches!(state, State::Ended { .. })) => None,
            result = call => Some(result),
        }
    }

    fn begin(&self) -> Option<Arc<UnderWay>> {
        let mut begun = false;
        self.state.send_if_modified(|state| {
            if let State::Open { under_way } = state {
                *under_way += 1;
                begun = true;
            }
            false
        });
        begun.then(|| Arc::new(UnderWay(self.state.clone())))
    }

    /// Whether they have been ended, or those that they belong to.
    pub(crate) fn have_ended(&self) -> bool {
        matches!(*self.state.borrow(), State::Ended { .. })
            || self
                .parent
                .as_ref()
                .is_some_and(|parent| parent.have_ended())
    }

    /// Waits until they have been ended, or those that they belong to.
    pub(crate) async fn ended(&self) {
        let ended = async |calls: &Self| {
            let mut state = calls.state.subscribe();
            // The sender is in `calls`: there will be a value to wait for.
            let _ = state
                .wait_for(|state| matches!(state, State::Ended { .. }))
                .await;
        };
        tokio::select! {
            () = ended(self) => {}
            () = ended(self.parent.as_deref().unwrap_or(self)) => {}
        }
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

    /// Waits until none is under way, for 3 s at most: what does not listen to its cancellation is left to itself. After
    /// `end`, on a tokio runtime.
    pub(crate) async fn over(&self) {
        let mut state = self.state.subscribe();
        let none = state.wait_for(|state| matches!(state, State::Ended { under_way: 0 }));
        let _ = timeout(CANCEL_PATIENCE, none).await;
    }
}

impl Wake for CallWaker {
    fn wake(self: Arc<Self>) {
        self.waker.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.waker.wake_by_ref();
    }
}

impl Drop for UnderWay {
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
    use std::pin::Pin;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Poll;

    use tokio::time::Instant;

    use super::*;

    /// Without waiting in vain: the clock stands still.
    async fn over(calls: &Calls) {
        calls.end();
        let ended_at = Instant::now();
        calls.over().await;
        assert_eq!(ended_at.elapsed(), Duration::ZERO);
    }

    /// As UniFFI's: whoever runs the app's code keeps the waker until that ends, whatever becomes of the future.
    #[derive(Clone, Default)]
    struct Foreign(Arc<Mutex<Option<Waker>>>);

    impl Future for Foreign {
        type Output = ();

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            *self.0.lock().unwrap() = Some(cx.waker().clone());
            Poll::Pending
        }
    }

    /// Calls it, as a layer of a feed does.
    async fn begun(calls: &Calls, foreign: &Foreign) {
        let (calls, foreign) = (calls.clone(), foreign.clone());
        tokio::spawn(async move { calls.run(foreign).await });
        tokio::task::yield_now().await;
    }

    struct Flag(Arc<AtomicBool>);

    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_cancelled_is_under_way_until_it_has_ended() {
        let feed = Calls::new();
        let layer = feed.child();
        let foreign = Foreign::default();
        begun(&layer, &foreign).await;
        layer.end();
        let mut over = pin!(layer.over());
        for _ in 0..10 {
            tokio::task::yield_now().await;
            let polled = poll_fn(|cx| Poll::Ready(over.as_mut().poll(cx))).await;
            assert!(polled.is_pending(), "the app's code still runs");
        }
        let ended_at = Instant::now();
        foreign.0.lock().unwrap().take().unwrap().wake();
        over.await;
        assert_eq!(ended_at.elapsed(), Duration::ZERO);
        self::over(&feed).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_is_waited_for_three_seconds() {
        let calls = Calls::new();
        let foreign = Foreign::default();
        begun(&calls, &foreign).await;
        calls.end();
        let ended_at = Instant::now();
        calls.over().await;
        assert_eq!(ended_at.elapsed().as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
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

    #[tokio::test(start_paused = true)]
    async fn no_call_begins_after_the_end() {
        let calls = Calls::new();
        assert_eq!(calls.run(async { 1 }).await, Some(1));
        over(&calls).await;
        assert_eq!(
            calls.run(async { unreachable!("it must not begin") }).await,
            None::<()>
        );
    }

    #[tokio::test(start_paused = true)]
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
