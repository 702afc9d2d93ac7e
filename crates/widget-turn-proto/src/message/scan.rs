//! Finds the members of a JSON object in its text, without building anything.
//!
//! A value is stepped over by its brackets and quotes alone, which is several times faster than a parse and enough to
//! tell where it ends. Whoever gets the text in the end parses it; what the layer itself acts on is parsed by serde_json.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

/// The text is not a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAnObject;

/// A member's key, and where its value stands in the text.
type Member<'a> = (Cow<'a, str>, Range<usize>);

/// The members of one object: each key with the range of its value in `text`.
pub(crate) struct Members<'a> {
    text: &'a str,
    at: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    First,
    Later,
    Over,
}

impl<'a> Members<'a> {
    /// The members of the object that is the whole of `text`.
    pub(crate) fn of(text: &'a str) -> Result<Self, NotAnObject> {
        let mut members = Self {
            text,
            at: 0,
            state: State::First,
        };
        members.skip_space();
        members.expect(b'{')?;
        Ok(members)
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, expected: u8) -> Result<(), NotAnObject> {
        if self.byte() != Some(expected) {
            return Err(NotAnObject);
        }
        self.at += 1;
        Ok(())
    }

    /// Steps to the next member; `None` at the end of the object, which must be the end of the text too.
    fn step(&mut self) -> Result<Option<Member<'a>>, NotAnObject> {
        self.skip_space();
        match (self.byte(), self.state) {
            (Some(b'}'), _) => {
                self.at += 1;
                self.skip_space();
                return if self.at == self.text.len() {
                    Ok(None)
                } else {
                    Err(NotAnObject)
                };
            }
            (_, State::First) => self.state = State::Later,
            (_, State::Later) => {
                self.expect(b',')?;
                self.skip_space();
            }
            (_, State::Over) => return Ok(None),
        }
        let key_start = self.at;
        self.expect(b'"')?;
        self.at = skip_string(self.text.as_bytes(), self.at).ok_or(NotAnObject)?;
        let quoted = &self.text[key_start..self.at];
        // JSON allows halves of surrogate pairs, which no Rust string can hold: such a key is none that is looked for.
        let key = string(quoted).unwrap_or(Cow::Borrowed(quoted));
        self.skip_space();
        self.expect(b':')?;
        self.skip_space();
        let value_start = self.at;
        self.at = skip_value(self.text.as_bytes(), self.at).ok_or(NotAnObject)?;
        Ok(Some((key, value_start..self.at)))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>, NotAnObject>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Over {
            return None;
        }
        let step = self.step();
        if !matches!(step, Ok(Some(_))) {
            self.state = State::Over;
        }
        step.transpose()
    }
}

/// Where the value at `path` stands in `text`. Of equal keys the last counts, as in every browser.
pub(crate) fn find(text: &str, path: &[&str]) -> Option<Range<usize>> {
    path.iter().try_fold(0..text.len(), |outer, wanted| {
        let mut found = None;
        for member in Members::of(&text[outer.clone()]).ok()? {
            let (key, range) = member.ok()?;
            if key == *wanted {
                found = Some(outer.start + range.start..outer.start + range.end);
            }
        }
        found
    })
}

/// What a JSON string says, if `quoted` is one.
pub(crate) fn string(quoted: &str) -> Option<Cow<'_, str>> {
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let plain = quote_or_backslash(inner.as_bytes()).is_none();
    if plain {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(quoted).ok().map(Cow::Owned)
}

/// The end of the string whose opening quote is just before `at`.
fn skip_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += quote_or_backslash(text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Where the first quote or backslash stands.
///
/// Most strings are short, and over before `memchr2` has set itself up: their first bytes are looked at eight at a time.
#[inline]
fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    let mut seen = 0;
    while seen < 32 {
        let Some(word) = text[seen..].first_chunk() else {
            break;
        };
        let word = u64::from_le_bytes(*word);
        let found = zero_bytes(word ^ every(b'"')) | zero_bytes(word ^ every(b'\\'));
        if found != 0 {
            return Some(seen + found.trailing_zeros() as usize / 8);
        }
        seen += 8;
    }
    memchr2(b'"', b'\\', &text[seen..]).map(|at| seen + at)
}

const fn every(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Marks the bytes that are zero by their top bit. Above the lowest mark there may be wrong ones.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(every(1)) & !word & every(0x80)
}

/// The end of the value that begins at `start`.
fn skip_value(text: &[u8], start: usize) -> Option<usize> {
    match *text.get(start)? {
        b'"' => skip_string(text, start + 1),
        b'{' | b'[' => skip_nested(text, start),
        _ => {
            let after =
                |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
            let length = text[start..].iter().position(after)?;
            (length > 0).then_some(start + length)
        }
    }
}

/// The end of the object or array that begins at `at`.
fn skip_nested(text: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match *text.get(at)? {
            b'"' => {
                at = skip_string(text, at + 1)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{Members, NotAnObject, find, quote_or_backslash, string};

    fn members(text: &str) -> Result<Vec<(String, &str)>, NotAnObject> {
        Members::of(text)?
            .map(|member| member.map(|(key, range)| (key.into_owned(), &text[range])))
            .collect()
    }

    #[test]
    fn members_are_found_whatever_their_values() {
        let text =
            r#" { "a" : 1 ,"b":"x\"}\\","c":{"d":[1,{"e":"]"}]},"d":null, "f":[ ] , "g":-1.5e3} "#;
        let expected = [
            ("a", "1"),
            ("b", r#""x\"}\\""#),
            ("c", r#"{"d":[1,{"e":"]"}]}"#),
            ("d", "null"),
            ("f", "[ ]"),
            ("g", "-1.5e3"),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v))
            .collect();
        assert_eq!(members(text), Ok(expected));
        assert_eq!(members("{}"), Ok(vec![]));
        assert_eq!(members(r#"{"\u0061":1}"#), Ok(vec![("a".to_owned(), "1")]));
    }

    #[test]
    fn what_is_no_object_is_an_error_at_every_cut() {
        let whole = r#"{"a":{"b":"c\"d"},"e":[1,2]}"#;
        for cut in 0..whole.len() {
            assert_eq!(
                members(&whole[..cut]),
                Err(NotAnObject),
                "{:?}",
                &whole[..cut]
            );
        }
        for text in [
            "[]",
            "1",
            "{} {}",
            "{}x",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{,}"#,
            r#"{a:1}"#,
            r#"{"a" 1}"#,
        ] {
            assert_eq!(members(text), Err(NotAnObject), "{text:?}");
        }
    }

    #[test]
    fn a_path_leads_to_the_last_of_equal_keys() {
        let text = r#"{"response":{"x":1},"response":{"list":["a"],"list":["b"]}}"#;
        assert_eq!(
            find(text, &["response", "list"]).map(|range| &text[range]),
            Some(r#"["b"]"#)
        );
        assert_eq!(find(text, &["response", "none"]), None);
        assert_eq!(find(text, &["response", "list", "b"]), None);
    }

    #[test]
    fn strings_are_read_with_their_escapes() {
        assert_eq!(string(r#""a\u0062\n""#).as_deref(), Some("ab\n"));
        assert_eq!(string(r#""plain""#).as_deref(), Some("plain"));
        assert_eq!(string(r#""bad\x""#), None);
        assert_eq!(string("3"), None);
        assert_eq!(string("\""), None);
    }

    #[test]
    fn the_first_quote_or_backslash_is_found_at_every_place() {
        for length in 0..100 {
            let mut text = vec![b'a'; length];
            assert_eq!(quote_or_backslash(&text), None);
            for at in 0..length {
                for byte in [b'"', b'\\'] {
                    text[at] = byte;
                    assert_eq!(quote_or_backslash(&text), Some(at), "{length} bytes");
                    // Bytes that differ from the ones looked for by one, before and behind.
                    text[at + 1..].fill(byte ^ 1);
                    text[..at].fill(byte ^ 1);
                    assert_eq!(quote_or_backslash(&text), Some(at), "{length} bytes");
                    text.fill(b'a');
                }
            }
        }
    }
}
