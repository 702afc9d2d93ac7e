//! How the command ends: at once, but for what must not be left half done.

use std::io;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::watch;

/// For what is being written when the end comes.
const GRACE: Duration = Duration::from_millis(200);

/// A signal so soon after the first is the same one: a shell and whatever stands in between may both pass it on.
pub(crate) const SAME: Duration = Duration::from_millis(500);

/// How many [`unbroken`] are under way.
static UNFINISHED: LazyLock<watch::Sender<usize>> = LazyLock::new(|| watch::Sender::new(0));

/// Runs on a runtime of its own, whose end does not wait for threads that others hold up: a name server that is silent, say, or
/// a pipe that nobody writes to.
///
/// # Errors
///
/// Where the operating system has no threads to give.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(future);
    runtime.shutdown_timeout(GRACE);
    Ok(done)
}

/// Does what must not be left half done: whoever waits for it may go, it comes to its end.
pub(crate) async fn unbroken<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> T {
    let unfinished = Unfinished::new();
    let task = tokio::spawn(async move {
        let _unfinished = unfinished;
        future.await
    });
    task.await
        .expect("nobody aborts it, and what it does does not panic")
}

/// Whether anything [`unbroken`] is under way.
pub(crate) fn is_awaited() -> bool {
    *UNFINISHED.borrow() > 0
}

/// Waits until nothing [`unbroken`] is under way.
pub(crate) async fn finished() {
    let mut unfinished = UNFINISHED.subscribe();
    // Its sender never goes.
    let _ = unfinished.wait_for(|count| *count == 0).await;
}

struct Unfinished;

impl Unfinished {
    fn new() -> Self {
        UNFINISHED.send_modify(|count| *count += 1);
        Self
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        UNFINISHED.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::run;
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn the_end_does_not_wait_for_a_thread_that_is_held_up() {
        let (release, held_up) = channel::<()>();
        let (done, ended) = channel();
        thread::spawn(move || {
            let (started, mut begun) = tokio::sync::mpsc::channel(1);
            let answer = run(async {
                // As tokio looks names up.
                tokio::task::spawn_blocking(move || {
                    let _ = started.blocking_send(());
                    held_up.recv()
                });
                begun.recv().await;
                7
            });
            let _ = done.send(answer.unwrap());
        });
        let answer = ended.recv_timeout(Duration::from_secs(60));
        assert_eq!(answer, Ok(7), "it waited for the thread");
        drop(release);
    }
}
