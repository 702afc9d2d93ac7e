//! Text of others, made harmless to show.

use std::fmt::Write;

/// Longer texts lose their middle: what counts in a name stands at its ends.
const HEAD: usize = 100;
const TAIL: usize = 60;

/// `text` with every character that is not seen, or that moves others about, written as its code; at most 160 characters
/// of it. It stays on one line of a terminal or page and keeps the order in which it was written.
pub(crate) fn plain(text: &str) -> String {
    let count = text.chars().count();
    let mut shown = String::new();
    for (place, c) in text.chars().enumerate() {
        if count > HEAD + TAIL {
            if place == HEAD {
                // Writing to a string does not fail.
                let _ = write!(shown, "…({} more)…", count - HEAD - TAIL);
            }
            if (HEAD..count - TAIL).contains(&place) {
                continue;
            }
        }
        if is_plain(c) {
            shown.push(c);
        } else {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        }
    }
    shown
}

fn is_plain(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    // Letters and marks of a script that is written from right to left change the order of what stands beside them.
    c.is_alphanumeric()
        && !matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
        || matches!(c, '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{bf}' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}'
            | '\u{20a0}'..='\u{20cf}' | '\u{2100}'..='\u{2bff}' | '\u{3001}'..='\u{303f}' | '\u{1f300}'..='\u{1faff}')
}
