//! How many columns a text takes, and how many there are.

use console::Term;

/// Where there is no terminal, or none that says how wide it is.
const COLUMNS: usize = 100;

/// How wide the terminal is that standard output goes to; 100 columns if unknown.
pub(crate) fn columns_of_stdout() -> usize {
    columns(&Term::stdout())
}

/// The same of standard error.
pub(crate) fn columns_of_stderr() -> usize {
    columns(&Term::stderr())
}

fn columns(terminal: &Term) -> usize {
    let size = terminal.size_checked();
    size.map_or(COLUMNS, |(_, columns)| columns.into())
}

/// How many columns a text takes at most.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(of_character).sum()
}

/// Two for all that may be as wide, as the letters of Chinese are.
fn of_character(character: char) -> usize {
    match character {
        '\0'..='\u{52f}' | '\u{1e00}'..='\u{1fff}' | '–' | '’' | '…' | '\u{2500}'..='\u{257f}' => {
            1
        }
        _ => 2,
    }
}

/// The text, or as much of it as fits, with `…` for the rest.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |character: &char| {
        used += of_character(*character);
        used <= columns
    };
    let mut start: String = text.chars().take_while(fits).collect();
    start.push('…');
    start
}

#[cfg(test)]
mod tests {
    use super::{cut, width};

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(width("Größe … └─"), 10);
        assert_eq!(width("漢字"), 4);
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        for (text, columns, shown) in [
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abcde…"),
            ("漢字漢字", 8, "漢字漢字"),
            ("漢字漢字", 6, "漢字…"),
            ("", 0, ""),
        ] {
            assert_eq!(cut(text, columns), shown);
        }
    }
}
