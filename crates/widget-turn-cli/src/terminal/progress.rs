//! One line on the terminal that says what is being tried, and is gone when it is done.

use std::io::{IsTerminal as _, Write as _, stderr};

use super::{columns_of_stderr, cut, escaped};

#[derive(Clone)]
pub(crate) enum Progress {
    Hidden,
    OnTerminal,
    /// Each text as this function leaves it.
    Through(std::sync::Arc<dyn Fn(&str) -> String + Send + Sync>),
    /// What a test is told of.
    #[cfg(test)]
    Told(std::sync::Arc<dyn Fn(&str) + Send + Sync>),
}

impl Progress {
    /// Shows lines where standard error is a terminal.
    pub(crate) fn on_a_terminal() -> Self {
        if stderr().is_terminal() {
            Self::OnTerminal
        } else {
            Self::Hidden
        }
    }

    /// A text as it may be shown.
    pub(crate) fn masked(&self, text: &str) -> String {
        match self {
            Self::Through(change) => change(text),
            _ => text.to_owned(),
        }
    }

    /// Replaces the line.
    pub(crate) fn show(&self, what: &str, step: &str) {
        let line = || -> String {
            let line = escaped(&format!("{what} … {step}"));
            // Some terminals break a line whose last column is taken.
            cut(&line, columns_of_stderr().saturating_sub(1))
        };
        match self {
            Self::Hidden => {}
            Self::Through(change) => Self::OnTerminal.show(&change(what), &change(step)),
            Self::OnTerminal => {
                let _ = write!(stderr(), "\r\x1b[K{}", line());
                let _ = stderr().flush();
            }
            #[cfg(test)]
            Self::Told(tell) => tell(&line()),
        }
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        if matches!(self, Self::OnTerminal | Self::Through(_)) {
            let _ = write!(stderr(), "\r\x1b[K");
            let _ = stderr().flush();
        }
    }
}
