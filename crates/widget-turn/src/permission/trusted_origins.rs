//! Pages that need not be asked about.

use url::Url;

use super::{PermissionPolicy, Verdict, VerdictFuture};
use crate::request::{Origin, OriginError, PermissionRequest};

/// Grants to pages of a list of origins, and is undecided about all others.
///
/// Scheme, host and port all count. There are no wildcards: whoever can add a host to a domain could get credentials. An
/// opaque origin (`data:`, `file:`) is never on the list.
///
/// ```
/// use widget_turn::{PermissionPolicy, PermissionRequest, TrustedOrigins, Verdict};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let trusted = TrustedOrigins::new(["https://call.example.org", "http://localhost:8080"])?;
///
/// let asked = ["m.turn_servers"].into_iter().collect();
/// let request = PermissionRequest::new("https://evil.test".parse()?, "@alice:example.com", None, asked);
/// assert_eq!(trusted.decide(&request).await, Verdict::Undecided);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TrustedOrigins(Vec<Origin>);

/// An entry of the list that is no origin. Entries are counted from 1 and not shown: one may hold a password.
///
/// ```
/// use widget_turn::TrustedOrigins;
///
/// let why = |entry| TrustedOrigins::new(["https://a.example", entry]).unwrap_err().to_string();
/// assert_eq!(
///     why("https://*.example.org"),
///     "trusted origin 2 has a wildcard: expected every host by its name",
/// );
/// assert_eq!(
///     why("https://example.org/call"),
///     "trusted origin 2 is more than an origin: expected `https://example.org`, which trusts every page there",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustedOriginError {
    /// It is no URL.
    #[error("trusted origin {position} is {error}")]
    NotAUrl {
        /// Which of the list, from 1.
        position: usize,
        /// What is wrong with it.
        error: OriginError,
    },
    /// It is neither `https:` nor `http:`.
    #[error("trusted origin {position} starts with `{scheme}:`: expected `https:` or `http:`")]
    Scheme {
        /// Which of the list, from 1.
        position: usize,
        /// What it starts with.
        scheme: String,
    },
    /// It has a `*` in the host.
    #[error("trusted origin {position} has a wildcard: expected every host by its name")]
    Wildcard {
        /// Which of the list, from 1.
        position: usize,
    },
    /// It has a path, a query, a fragment, a user name or a password, none of which would count.
    #[error(
        "trusted origin {position} is more than an origin: expected `{origin}`, which trusts every page there"
    )]
    MoreThanOrigin {
        /// Which of the list, from 1.
        position: usize,
        /// The origin in it.
        origin: Origin,
    },
}

impl TrustedOrigins {
    /// Trusts the pages of `origins`, each written as `https://example.org` or `https://example.org:8443`.
    ///
    /// # Errors
    ///
    /// The first entry that is no origin, or more than one.
    ///
    /// ```
    /// use widget_turn::TrustedOrigins;
    ///
    /// assert!(TrustedOrigins::new(["https://example.org", "http://[::1]:8080/"]).is_ok());
    /// assert!(TrustedOrigins::new(["example.org"]).is_err());
    /// assert!(TrustedOrigins::new(["null"]).is_err());
    /// ```
    pub fn new<I>(origins: I) -> Result<Self, TrustedOriginError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let origins = (1..).zip(origins);
        origins
            .map(|(position, text)| parse(position, text.as_ref()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the pages of `origin` are trusted.
    ///
    /// ```
    /// use widget_turn::TrustedOrigins;
    ///
    /// let trusted = TrustedOrigins::new(["https://example.org"])?;
    /// assert!(trusted.trusts(&"https://example.org/call".parse()?));
    /// assert!(!trusted.trusts(&"https://evil.test".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trusts(&self, origin: &Origin) -> bool {
        self.0.contains(origin)
    }
}

fn parse(position: usize, text: &str) -> Result<Origin, TrustedOriginError> {
    let origin: Origin = text
        .parse()
        .map_err(|error| TrustedOriginError::NotAUrl { position, error })?;
    let url = Url::parse(text).expect("the origin was parsed from it");
    if !matches!(url.scheme(), "https" | "http") {
        return Err(TrustedOriginError::Scheme {
            position,
            scheme: url.scheme().to_owned(),
        });
    }
    if url.host_str().is_some_and(|host| host.contains('*')) {
        return Err(TrustedOriginError::Wildcard { position });
    }
    // The parsed form of a bare origin is the origin and a slash.
    if url.as_str() != format!("{origin}/") {
        return Err(TrustedOriginError::MoreThanOrigin { position, origin });
    }
    Ok(origin)
}

impl PermissionPolicy for TrustedOrigins {
    fn decide<'a>(&'a self, request: &'a PermissionRequest) -> VerdictFuture<'a> {
        Box::pin(async move {
            if self.trusts(&request.origin) {
                Verdict::Grant
            } else {
                Verdict::Undecided
            }
        })
    }
}
