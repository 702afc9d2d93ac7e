//! Who a page is.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// A web origin: scheme, host and port of a page's URL.
///
/// It is shown as `https://example.org`, without the port where that is the scheme's own, and with the host as DNS has it:
/// a look-alike such as `exаmple.org`, with a Cyrillic letter in it, is seen to be `xn--exmple-4nf.org`.
///
/// The origin of `data:`, `file:` and the like is *opaque*: it is shown as `null` and is never trusted nor remembered,
/// since any page could have it.
///
/// ```
/// use widget_turn::Origin;
///
/// let page: Origin = "https://example.org:443/call?user=alice#top".parse()?;
/// assert_eq!(page.to_string(), "https://example.org");
/// assert_eq!(page, "https://EXAMPLE.org".parse()?);
/// assert_ne!(page, "https://example.org:8443".parse()?);
///
/// let look_alike: Origin = "https://ex\u{430}mple.org".parse()?;
/// assert_eq!(look_alike.to_string(), "https://xn--exmple-4nf.org");
/// # Ok::<(), widget_turn::OriginError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin(url::Origin);

/// A text that is no URL, so that it has no origin.
///
/// ```
/// use widget_turn::Origin;
///
/// let error = "example.org".parse::<Origin>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "not a URL (relative URL without a base): expected one as in `https://example.org`",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a URL ({0}): expected one as in `https://example.org`")]
pub struct OriginError(url::ParseError);

impl Origin {
    /// Whether this is the origin of a page that has none to speak of. Such an origin only equals its own clones.
    ///
    /// ```
    /// use widget_turn::Origin;
    ///
    /// assert!("data:text/html,hello".parse::<Origin>()?.is_opaque());
    /// assert!(!"http://localhost:8080".parse::<Origin>()?.is_opaque());
    /// # Ok::<(), widget_turn::OriginError>(())
    /// ```
    pub fn is_opaque(&self) -> bool {
        !self.0.is_tuple()
    }
}

impl From<&Url> for Origin {
    /// The origin of the page at `url`.
    ///
    /// ```
    /// use widget_turn::Origin;
    ///
    /// let page = url::Url::parse("http://127.0.0.1:8080/widget")?;
    /// assert_eq!(Origin::from(&page).to_string(), "http://127.0.0.1:8080");
    /// # Ok::<(), url::ParseError>(())
    /// ```
    fn from(url: &Url) -> Self {
        Self(url.origin())
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    /// The origin of the page at the URL `text`.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let url = Url::parse(text).map_err(OriginError)?;
        Ok(Self::from(&url))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.ascii_serialization())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    #[test]
    fn scheme_host_and_port_all_count() {
        let page = origin("https://example.org/a");
        assert_eq!(page, origin("https://example.org/b?c#d"));
        assert_ne!(page, origin("http://example.org"));
        assert_ne!(page, origin("https://www.example.org"));
        assert_ne!(page, origin("https://example.org:444"));
        assert_ne!(page, origin("https://example.org."));
    }

    #[test]
    fn a_page_is_shown_without_user_name_path_or_query() {
        let page = origin("https://example.org@evil.test/https://example.org?token=1");
        assert_eq!(page.to_string(), "https://evil.test");
    }

    #[test]
    fn a_blob_has_the_origin_of_the_page_that_made_it() {
        assert_eq!(
            origin("blob:https://example.org/9115d58c"),
            origin("https://example.org")
        );
    }

    #[test]
    fn origins_that_any_page_could_have_are_opaque() {
        for text in [
            "data:text/html,x",
            "file:///etc/passwd",
            "about:blank",
            "tauri://localhost",
        ] {
            let one = origin(text);
            assert!(one.is_opaque(), "{text}");
            assert_eq!(one.to_string(), "null");
            assert_ne!(one, origin(text), "{text}");
            assert_eq!(one, one.clone());
        }
    }

    #[test]
    fn ipv6_is_shown_in_brackets() {
        assert_eq!(
            origin("http://[::1]:8080/").to_string(),
            "http://[::1]:8080"
        );
    }

    #[test]
    fn null_is_no_url() {
        assert!("null".parse::<Origin>().is_err());
        assert!("".parse::<Origin>().is_err());
    }
}
