//! Time-limited TURN credentials: the scheme of draft-uberti-behave-turn-rest-00 that homeservers mint and TURN
//! servers check, without talking to each other.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;
use zeroize::Zeroizing;

/// Tells the time in whole seconds since the Unix epoch.
pub(crate) type UnixClock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The clock of this machine. A machine set to before 1970 reads 0.
pub(crate) fn system_clock() -> UnixClock {
    Arc::new(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    })
}

/// The secret that a homeserver and a TURN server share. Overwritten in memory when dropped; has no `Debug`.
#[derive(Clone)]
pub(crate) struct SharedSecret(Zeroizing<Vec<u8>>);

impl SharedSecret {
    /// 32 bytes from the operating system.
    ///
    /// # Errors
    ///
    /// When the operating system has no randomness to give.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new(vec![0; 32]);
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// A secret that somebody chose, such as coturn's `static-auth-secret`. The UTF-8 bytes are the key.
    pub(crate) fn from_text(text: &str) -> Self {
        Self(Zeroizing::new(text.as_bytes().to_vec()))
    }

    /// Credentials for `user` that open new allocations until `expiry_unix_seconds`.
    pub(crate) fn mint(&self, expiry_unix_seconds: u64, user: &str) -> Minted {
        let username = format!("{expiry_unix_seconds}:{user}");
        let password = self.password_of(&username);
        Minted { username, password }
    }

    /// The password that belongs to a user name: base64(HMAC-SHA1(secret, username)).
    pub(crate) fn password_of(&self, username: &str) -> Zeroizing<String> {
        let mut mac =
            Hmac::<Sha1>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(username.as_bytes());
        Zeroizing::new(STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// A user name and its password. No `Debug`: the password is a secret.
pub(crate) struct Minted {
    /// `expiry:user`, the expiry in Unix seconds.
    pub(crate) username: String,
    /// 28 characters of base64.
    pub(crate) password: Zeroizing<String>,
}

/// When the name stops opening new allocations, in Unix seconds. `None` for what is not `expiry:user`.
pub(crate) fn expiry_of(username: &str) -> Option<u64> {
    let (expiry, _user) = username.split_once(':')?;
    if expiry.bytes().all(|byte| byte.is_ascii_digit()) {
        expiry.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_those_that_openssl_computes() {
        // printf %s 1795440550:@alice:test.localhost | openssl dgst -sha1 -hmac lab-turn-secret -binary | base64
        let minted =
            SharedSecret::from_text("lab-turn-secret").mint(1_795_440_550, "@alice:test.localhost");
        assert_eq!(minted.username, "1795440550:@alice:test.localhost");
        assert_eq!(*minted.password, "uIPm+5XNpbd6Io+QwvEkuC9IoKA=");
    }

    #[test]
    fn the_expiry_is_read_back_from_the_name() {
        let minted = SharedSecret::from_text("s").mint(1_795_440_550, "@alice:test.localhost");
        assert_eq!(expiry_of(&minted.username), Some(1_795_440_550));
        assert_eq!(expiry_of("0:"), Some(0));
    }

    #[test]
    fn a_name_without_an_expiry_has_none() {
        for name in [
            "",
            ":",
            "alice",
            "1795440550",
            "alice:1795440550",
            ":1795440550",
            "+1:a",
            "-1:a",
            " 1:a",
            "1.5:a",
            "99999999999999999999:a",
            "\u{661}:a",
        ] {
            assert_eq!(expiry_of(name), None, "{name:?}");
        }
    }

    #[test]
    fn random_secrets_differ() {
        let (one, other) = (
            SharedSecret::random().unwrap(),
            SharedSecret::random().unwrap(),
        );
        assert_ne!(one.password_of("1:a"), other.password_of("1:a"));
    }

    #[test]
    fn the_system_clock_tells_a_time_after_this_was_written() {
        assert!(system_clock()() > 1_700_000_000);
    }
}
