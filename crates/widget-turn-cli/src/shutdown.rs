//! How the command ends: at once, but for what must not be left half done.

use std::io;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::Builder;
#[cfg(unix)]
use tokio::signal::unix;
use tokio::sync::watch;

/// For what is being written when the end comes.
const GRACE: Duration = Duration::from_millis(200);

/// A signal so soon after the first is the same one: a shell and whatever stands in between may both pass it on.
pub(crate) const SAME: Duration = Duration::from_millis(500);

/// Whatever wants the command to end: Ctrl-C, who stops services (SIGTERM), a terminal that is gone (SIGHUP).
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: unix::Signal,
    #[cfg(unix)]
    terminate: unix::Signal,
    /// None where hang-ups are ignored, as by `nohup`.
    #[cfg(unix)]
    hang_up: Option<unix::Signal>,
}

impl Signals {
    /// Those that come from now on.
    ///
    /// # Errors
    ///
    /// Where the operating system lets nobody listen.
    pub(crate) fn new() -> io::Result<Self> {
        Self::listening(!hang_ups_are_ignored())
    }

    #[cfg(unix)]
    fn listening(to_hang_ups: bool) -> io::Result<Self> {
        let hang_up = to_hang_ups.then(|| unix::signal(unix::SignalKind::hangup()));
        Ok(Self {
            interrupt: unix::signal(unix::SignalKind::interrupt())?,
            terminate: unix::signal(unix::SignalKind::terminate())?,
            hang_up: hang_up.transpose()?,
        })
    }

    #[cfg(not(unix))]
    fn listening(_: bool) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one.
    ///
    /// # Errors
    ///
    /// Where the operating system lets nobody listen.
    pub(crate) async fn next(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        {
            let hang_up = async {
                match &mut self.hang_up {
                    Some(hang_up) => hang_up.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
                _ = hang_up => {}
            }
            Ok(())
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    }
}

/// Whether whoever started this program wants it to outlive the terminal. Only Linux tells.
fn hang_ups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // SIGHUP is the first signal.
    ignored.is_some_and(|mask| mask & 1 == 1)
}

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
    use super::{Signals, run};
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    #[cfg(unix)]
    #[tokio::test]
    async fn ctrl_c_whoever_stops_services_and_a_terminal_that_goes_are_heard() {
        for signal in ["-TERM", "-HUP", "-INT"] {
            let mut signals = Signals::listening(true).unwrap();
            let process = std::process::id().to_string();
            let mut kill = tokio::process::Command::new("kill");
            let mut sent = kill.args([signal, &process]).spawn().unwrap();
            let heard = tokio::time::timeout(Duration::from_secs(60), signals.next());
            assert!(heard.await.is_ok_and(|it| it.is_ok()), "{signal}");
            assert!(sent.wait().await.unwrap().success());
        }
    }

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
