//! What the person gave to log in with.

use std::ffi::OsString;
use std::path::Path;

use widget_turn::Secret;
use zeroize::Zeroizing;

use super::AccountError;
use crate::{arguments, secret_file};

/// Not in the argument list: that one can be read by every user of the machine.
pub(crate) const TOKEN_VARIABLE: &str = "WIDGET_TURN_ACCESS_TOKEN";

pub(super) enum Credential {
    Password(Secret),
    Token(Secret),
}

impl Credential {
    /// `None` where nothing was given: a session may be kept, or a person asked.
    pub(super) async fn read(login: &arguments::Login) -> Result<Option<Self>, AccountError> {
        if let Some(path) = &login.password_file {
            return Ok(Some(Self::Password(read(path, "a password").await?)));
        }
        if let Some(path) = &login.token_file {
            return Ok(Some(Self::Token(token(
                read(path, "an access token").await?,
            )?)));
        }
        from_environment(std::env::var_os(TOKEN_VARIABLE))
    }
}

/// A variable that is empty is as good as none.
fn from_environment(value: Option<OsString>) -> Result<Option<Credential>, AccountError> {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let text = value.into_string().map_err(|_| AccountError::Token)?;
    let text = Zeroizing::new(text);
    Ok(Some(Credential::Token(token(Secret::new(&*text))?)))
}

/// The file's first line, whole: a password may begin or end with a blank.
async fn read(path: &Path, expected: &'static str) -> Result<Secret, AccountError> {
    let text = secret_file::read(path).await;
    let text = text.map_err(|source| AccountError::CredentialFile {
        path: path.to_owned(),
        source,
    })?;
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

#[cfg(test)]
mod tests {
    use super::{AccountError, Credential, from_environment};
    use std::ffi::OsString;

    #[test]
    fn a_token_of_the_environment_is_taken_whole_or_told_to_be_none() {
        for (value, expected) in [(" syt_a\n", Some("syt_a")), ("", None)] {
            let read = from_environment(Some(value.into())).unwrap();
            let token = read.map(|read| match read {
                Credential::Token(token) => token.expose().to_owned(),
                Credential::Password(_) => panic!("a password"),
            });
            assert_eq!(token.as_deref(), expected);
        }
        assert!(from_environment(None).unwrap().is_none());
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt as _;
            let value = OsString::from_vec(b"syt_\xff".to_vec());
            let error = from_environment(Some(value)).map(|_| ()).unwrap_err();
            assert!(matches!(error, AccountError::Token), "{error}");
        }
    }
}
