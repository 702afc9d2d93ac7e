//! What the person gave to log in with.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use widget_turn::Secret;
use zeroize::Zeroizing;

use super::AccountError;
use crate::arguments;

/// Not in the argument list: that one can be read by every user of the machine.
const ENVIRONMENT: &str = "WIDGET_TURN_ACCESS_TOKEN";
/// A secret is a line; a device that never ends is none.
const LONGEST: u64 = 64 * 1024;

pub(super) enum Credential {
    Password(Secret),
    Token(Secret),
}

impl Credential {
    /// `None` where nothing was given: a session may be kept, or a person asked.
    pub(super) fn read(login: &arguments::Login) -> Result<Option<Self>, AccountError> {
        if let Some(path) = &login.password_file {
            return Ok(Some(Self::Password(read(path, "a password")?)));
        }
        if let Some(path) = &login.token_file {
            return Ok(Some(Self::Token(token(read(path, "an access token")?)?)));
        }
        match std::env::var(ENVIRONMENT) {
            Ok(text) if !text.is_empty() => {
                let text = Zeroizing::new(text);
                Ok(Some(Self::Token(token(Secret::new(text.trim()))?)))
            }
            _ => Ok(None),
        }
    }
}

/// The file's first line, whole: a password may begin or end with a blank.
fn read(path: &Path, expected: &'static str) -> Result<Secret, AccountError> {
    let mut text = Zeroizing::new(String::new());
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    if let Err(source) = read {
        return Err(AccountError::CredentialFile {
            path: path.to_owned(),
            source,
        });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    match text.lines().next().unwrap_or_default() {
        "" => Err(AccountError::EmptyCredential {
            path: path.to_owned(),
            expected,
        }),
        secret => Ok(Secret::new(secret)),
    }
}

fn token(token: Secret) -> Result<Secret, AccountError> {
    let token = Secret::new(token.expose().trim());
    let sendable =
        !token.expose().is_empty() && token.expose().bytes().all(|b| b.is_ascii_graphic());
    if sendable {
        Ok(token)
    } else {
        Err(AccountError::Token)
    }
}
