//! Text of others, made harmless to show.

use crate::terminal::escaped;

/// Longer texts lose their middle: what counts in a name stands at its ends.
const HEAD: usize = 100;
const TAIL: usize = 60;

/// At most 160 characters of `text`, each of which is seen and moves no others about.
pub(crate) fn plain(text: &str) -> String {
    let count = text.chars().count();
    if count <= HEAD + TAIL {
        return escaped(text);
    }
    let head: String = text.chars().take(HEAD).collect();
    let tail: String = text.chars().skip(count - TAIL).collect();
    let left_out = count - HEAD - TAIL;
    format!("{}…({left_out} more)…{}", escaped(&head), escaped(&tail))
}
