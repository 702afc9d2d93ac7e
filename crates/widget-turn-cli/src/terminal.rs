//! The terminal: what may be shown there, and what a person is asked there.

mod password;
mod progress;
mod width;

use std::io::{self, IsTerminal as _, Write as _};

use zeroize::Zeroizing;

pub(crate) use password::ask_password;
pub(crate) use progress::Progress;
pub(crate) use width::{columns_of_stderr, columns_of_stdout, cut, width};

/// A text without characters that move the cursor, change colours, turn the direction or hide: those are written as
/// `\u{1b}`. It is harmless on a page, too.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmless(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    shown
}

/// JSON that is as harmless on a terminal: what [`escaped`] would escape is written as `\u001b`, which JSON has in strings
/// alone, and so means the same.
pub(crate) fn escaped_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        // Between the strings are lines and blanks.
        if character == '\n' || is_harmless(character) {
            shown.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    shown
}

fn is_harmless(character: char) -> bool {
    match character {
        ' '..='~' | '…' | '·' | '–' | '’' | '├' | '└' | '─' | '│' => true,
        // Letters that are not seen, and those of scripts that are written from right to left.
        '\u{115f}'..='\u{1160}'
        | '\u{3164}'
        | '\u{ffa0}'
        | '\u{590}'..='\u{8ff}'
        | '\u{fb1d}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}'
        | '\u{1e800}'..='\u{1efff}' => false,
        _ => character.is_alphanumeric(),
    }
}

/// Whether a person can be asked.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

async fn ask(question: &str) -> io::Result<String> {
    show(question);
    Ok(line().await?.trim().to_owned())
}

/// Lets a person choose one of the lines by its number; what is none is asked for again. Gives its index.
///
/// # Errors
///
/// Where standard input ends or cannot be read.
pub(crate) async fn choose(what: &str, lines: impl Iterator<Item = String>) -> io::Result<usize> {
    let mut count = 0_usize;
    for line in lines {
        count += 1;
        show(&format!("{count:>4}  {}\n", escaped(line.trim_end())));
    }
    loop {
        let answer = ask(&format!("{what} (1-{count}): ")).await?;
        match answer.parse() {
            Ok(number) if (1..=count).contains(&number) => return Ok(number - 1),
            _ => show(&format!("expected a number from 1 to {count}\n")),
        }
    }
}

fn show(question: &str) {
    let mut error = io::stderr().lock();
    let _ = write!(error, "{question}");
    let _ = error.flush();
}

async fn line() -> io::Result<Zeroizing<String>> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = Zeroizing::new(String::new());
        match io::stdin().read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
        }
    });
    read.await
        .expect("nobody aborts it, and reading does not panic")
}

#[cfg(test)]
mod tests {
    use super::{escaped, escaped_json};

    #[test]
    fn what_moves_a_cursor_or_hides_is_escaped() {
        assert_eq!(escaped("Größe 5 … ok"), "Größe 5 … ok");
        assert_eq!(
            escaped("\u{1b}[31mred\u{7}\u{202e}gnp\u{200b}\u{9b}x"),
            "\\u{1b}[31mred\\u{7}\\u{202e}gnp\\u{200b}\\u{9b}x"
        );
        assert_eq!(escaped("a\nb\r\0"), "a\\u{a}b\\u{d}\\u{0}");
    }

    #[test]
    fn json_is_harmless_and_means_the_same() {
        let text = "Größe\n\t\"\\ \u{1b}[31m\u{7f}\u{9b}x\u{202e}\u{5d0}\u{2028}\u{1f600}\u{10800}";
        let value = serde_json::json!({ text: [text, 5] });
        for json in [
            serde_json::to_string(&value).unwrap(),
            serde_json::to_string_pretty(&value).unwrap(),
        ] {
            let shown = escaped_json(&json);
            assert_eq!(shown.lines().count(), json.lines().count());
            let harmless = |line: &str| escaped(line) == line;
            assert!(shown.lines().all(harmless), "{shown}");
            assert!(shown.contains("Größe"), "{shown}");
            let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
            assert_eq!(read, value);
        }
    }
}
