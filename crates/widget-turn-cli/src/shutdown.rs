//! How the command ends: at once.

use std::io;
use std::time::Duration;

use tokio::runtime::Builder;

/// For what is being written when the end comes.
const GRACE: Duration = Duration::from_millis(200);

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
