//! The terminal: what may be shown there, and what a person is asked there.

mod password;
mod progress;

use std::io::{self, IsTerminal as _, Write as _};

use zeroize::Zeroizing;

pub(crate) use password::ask_password;
pub(crate) use progress::Progress;

/// A text without characters that move the cursor, change colours, turn the direction or hide: those are written as
/// `\u{1b}`. It is harmless on a page, too.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ' '..='~' | '…' | '·' | '–' | '’' | '├' | '└' | '─' | '│' => {
                shown.push(character)
            }
            // Letters that are not seen, and those of scripts that are written from right to left.
            '\u{115f}'..='\u{1160}'
            | '\u{3164}'
            | '\u{ffa0}'
            | '\u{590}'..='\u{8ff}'
            | '\u{fb1d}'..='\u{feff}'
            | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}' => shown.extend(character.escape_unicode()),
            _ if character.is_alphanumeric() => shown.push(character),
            _ => shown.extend(character.escape_unicode()),
        }
    }
    shown
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
    use super::escaped;

    #[test]
    fn what_moves_a_cursor_or_hides_is_escaped() {
        assert_eq!(escaped("Größe 5 … ok"), "Größe 5 … ok");
        assert_eq!(
            escaped("\u{1b}[31mred\u{7}\u{202e}gnp\u{200b}\u{9b}x"),
            "\\u{1b}[31mred\\u{7}\\u{202e}gnp\\u{200b}\\u{9b}x"
        );
        assert_eq!(escaped("a\nb\r\0"), "a\\u{a}b\\u{d}\\u{0}");
    }
}
