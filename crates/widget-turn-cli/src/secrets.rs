//! What must not be printed, whoever sends it back.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use widget_turn::Secret;
use zeroize::Zeroizing;

use crate::terminal::escaped;

/// In bytes. What is shorter stands in half of all words, and would be told by what is missing there.
const SHORTEST: usize = 6;
const MASK: &str = "***";

/// Secrets that this process knows: a server, or a proxy before it, may put them into its words. No `Debug`: holds them.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Mutex<Vec<Zeroizing<String>>>>);

impl Secrets {
    /// Hides a secret from now on: as it stands, percent-encoded, in base64, and as a terminal shows it.
    pub(crate) fn add(&self, secret: &Secret) {
        let text = secret.expose();
        if text.len() < SHORTEST {
            return;
        }
        let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let forms = [
            text.to_owned(),
            encoded.replace('+', "%20").to_lowercase(),
            encoded.replace('+', "%20"),
            encoded,
            STANDARD_NO_PAD.encode(text),
            URL_SAFE_NO_PAD.encode(text),
            escaped(text),
        ];
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for form in forms.map(Zeroizing::new) {
            if !all.contains(&form) {
                let place = all.partition_point(|other| other.len() >= form.len());
                all.insert(place, form);
            }
        }
    }

    /// The text with `***` in place of each secret, and of the beginning of one that the end of the text cuts off.
    pub(crate) fn mask(&self, text: &str) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut masked = text.to_owned();
        for secret in all.iter() {
            if masked.contains(secret.as_str()) {
                masked = masked.replace(secret.as_str(), MASK);
            }
            let cut_off = (SHORTEST..secret.len()).rev().find_map(|length| {
                let start = secret.get(..length)?;
                masked.strip_suffix(start).map(str::len)
            });
            if let Some(end) = cut_off {
                masked.truncate(end);
                masked.push_str(MASK);
            }
        }
        masked
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use widget_turn::Secret;

    #[test]
    fn a_secret_is_hidden_in_each_form_and_when_it_is_cut_off() {
        let secrets = Secrets::default();
        for secret in ["pass word/ü?", "syt_abcdefgh", "turn"] {
            secrets.add(&Secret::new(secret));
        }
        for (text, masked) in [
            ("Bearer syt_abcdefgh, syt_abcdefgh", "Bearer ***, ***"),
            ("it was pass word/ü?.", "it was ***."),
            ("/x/pass%20word%2F%C3%BC%3F/y", "/x/***/y"),
            ("pass+word%2F%C3%BC%3F", "***"),
            ("pass%20word%2f%c3%bc%3f", "***"),
            ("cGFzcyB3b3JkL8O8Pw==", "***=="),
            ("and so on: syt_abcde", "and so on: ***"),
            ("syt_a", "syt_a"),
            ("turn:turn.example.org", "turn:turn.example.org"),
        ] {
            assert_eq!(secrets.mask(text), masked, "{text}");
        }
    }
}
