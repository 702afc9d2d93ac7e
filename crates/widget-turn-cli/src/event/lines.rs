//! Lines of text for a reader who may be slow, or have stopped.

use std::io::Write;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that wait for the reader; whatever comes then is lost.
const WAITING: usize = 10_000;

/// How long the last lines may take to be read once the program ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Writes lines from a thread of its own: writing to a pipe that nobody empties waits for ever, and the program must not.
///
/// Dropping it is its [end](Self::end).
pub(super) struct Lines {
    /// Until the end. Behind locks, so that the whole can be shared.
    sender: Mutex<Option<SyncSender<String>>>,
    /// Ends when all is written.
    written: Mutex<Receiver<()>>,
    lost: AtomicU64,
}

impl Lines {
    pub(super) fn to(mut out: impl Write + Send + 'static) -> Self {
        let (sender, lines) = sync_channel::<String>(WAITING);
        let (end, written) = sync_channel(0);
        thread::spawn(move || {
            for line in lines {
                // Whoever read this has gone; the program goes on.
                let _ = writeln!(out, "{line}").and_then(|()| out.flush());
            }
            drop(end);
        });
        Self {
            sender: Mutex::new(Some(sender)),
            written: Mutex::new(written),
            lost: AtomicU64::new(0),
        }
    }

    /// Writes a line, at once or when those before it are written. Once there is room again after some were lost, their
    /// number.
    pub(super) fn write(&self, line: String) -> Option<u64> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        match sender.as_ref()?.try_send(line) {
            Ok(()) => Some(self.lost.swap(0, Ordering::Relaxed)).filter(|lost| *lost > 0),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    /// Takes no more lines, and waits a little for what is not written yet.
    pub(super) fn end(&self) {
        drop(
            self.sender
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // It ends by the other side's end, or by the time; either way there is no more to do.
        let _ = written.recv_timeout(LAST_WORDS);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::{Lines, WAITING};

    /// A pipe of which the test is the reader: each write waits until it is read.
    struct Pipe {
        read: Receiver<()>,
        written: Sender<String>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.read.recv().map_err(io::Error::other)?;
            let text = String::from_utf8_lossy(bytes).into_owned();
            self.written.send(text).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_stalls_stops_nothing_and_hears_of_what_was_lost() {
        let (read, reads) = channel();
        let (written, seen) = channel();
        let lines = Lines::to(Pipe {
            read: reads,
            written,
        });
        for number in 0..WAITING + 100 {
            assert_eq!(lines.write(number.to_string()), None);
        }
        // One may be with the writer already.
        let lost = (0..2 * WAITING).find_map(|_| {
            read.send(()).unwrap();
            seen.recv().unwrap();
            lines.write("again".to_owned())
        });
        assert!(
            lost.is_some_and(|lost| (99..=100).contains(&lost)),
            "{lost:?}"
        );
        // Nobody reads any more, and the end comes all the same.
        drop(lines);
    }

    #[test]
    fn all_is_written_at_the_end() {
        let (written, seen) = channel();
        let (read, reads) = channel();
        for _ in 0..10_000 {
            read.send(()).unwrap();
        }
        let lines = Lines::to(Pipe {
            read: reads,
            written,
        });
        for number in 0..100 {
            assert_eq!(lines.write(number.to_string()), None);
        }
        drop(lines);
        let text: String = seen.try_iter().collect();
        assert!(
            text.starts_with("0\n1\n") && text.ends_with("\n99\n"),
            "{text}"
        );
    }
}
