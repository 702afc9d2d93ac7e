//! One line on the terminal that says what is being tried, and is gone when it is done.

use std::io::{IsTerminal as _, Write as _, stderr};

use super::escaped;

/// As wide as the report.
const WIDTH: usize = 99;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    /// Shows lines where standard error is a terminal.
    pub(crate) fn on_a_terminal() -> Self {
        Self {
            shown: stderr().is_terminal(),
        }
    }

    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self { shown: false }
    }

    /// Replaces the line.
    pub(crate) fn show(self, what: &str, step: &str) {
        if self.shown {
            let line: String = escaped(&format!("{what} … {step}"))
                .chars()
                .take(WIDTH)
                .collect();
            let _ = write!(stderr(), "\r\x1b[K{line}");
            let _ = stderr().flush();
        }
    }

    /// Takes the line away.
    pub(crate) fn clear(self) {
        if self.shown {
            let _ = write!(stderr(), "\r\x1b[K");
            let _ = stderr().flush();
        }
    }
}
