//! Who may talk to a local web server: not another site's script, not a name that was rebound to 127.0.0.1.

use std::net::SocketAddr;

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// A request that is not served, and why in plain words.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The status of the answer.
    pub(crate) status: StatusCode,
    /// What was expected, for the person or program that asked.
    pub(crate) reason: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, self.reason + "\n").into_response()
    }
}

/// The names of a listener: its address and `localhost`.
///
/// An IPv6 address is none of them: it cannot stand in a content security policy, and browsers would block the widget.
#[derive(Clone, Debug)]
pub(crate) struct LocalNames {
    hosts: [String; 2],
}

impl LocalNames {
    /// The names of a listener on `addr`.
    pub(crate) fn of(addr: SocketAddr) -> Self {
        let by_name = format!("localhost:{}", addr.port());
        let by_address = match addr {
            SocketAddr::V4(addr) => addr.to_string(),
            SocketAddr::V6(_) => by_name.clone(),
        };
        let mut hosts = [by_address, by_name];
        if addr.port() == 80 {
            // Browsers leave the default port out.
            hosts = hosts.map(|host| host.trim_end_matches(":80").to_owned());
        }
        Self { hosts }
    }

    /// The origin by which the listener's own URLs are given out.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.hosts[0])
    }

    /// All origins under which a browser may have opened the listener.
    pub(crate) fn origins(&self) -> [String; 2] {
        self.hosts.clone().map(|host| format!("http://{host}"))
    }

    /// The name that the request used, if it is one of ours.
    ///
    /// A site can let its own name point to 127.0.0.1 (DNS rebinding) and would then be of one origin with this
    /// server; the `Host` header still carries the site's name. A request to a proxy carries it in its first line, which
    /// then is what counts (RFC 9112, 3.2.2).
    pub(crate) fn check_host<B>(&self, request: &Request<B>) -> Result<&str, Refusal> {
        let mut given = request.headers().get_all(header::HOST).iter();
        let host = match (given.next(), given.next()) {
            (Some(host), None) => host.to_str().unwrap_or_default(),
            _ => "",
        };
        let is_asked = |own: &str| own.eq_ignore_ascii_case(host);
        let is_named = |own: &str| {
            let named = request.uri().authority();
            named.is_none_or(|named| own.eq_ignore_ascii_case(named.as_str()))
        };
        let mut hosts = self.hosts.iter();
        let own = hosts.find(|own| is_asked(own) && is_named(own));
        own.map(String::as_str).ok_or_else(|| Refusal {
            status: StatusCode::FORBIDDEN,
            reason: format!(
                "This server answers only as {} or {}; the request came for another host.",
                self.hosts[0], self.hosts[1]
            ),
        })
    }
}

/// Whether the request was made by a page of the host that it asks.
///
/// Browsers let any page open a WebSocket to any host; only the `Origin` header tells who did.
pub(crate) fn check_own_origin(headers: &HeaderMap, host: &str) -> Result<(), Refusal> {
    let mut given = headers.get_all(header::ORIGIN).iter();
    let own = format!("http://{host}");
    match (given.next(), given.next()) {
        (Some(origin), None) if origin.as_bytes() == own.as_bytes() => Ok(()),
        _ => Err(Refusal {
            status: StatusCode::FORBIDDEN,
            reason: format!("The socket is only for the page itself: expected `Origin: {own}`."),
        }),
    }
}

/// The secret part of the page's address: who has it may open the page.
pub(crate) struct Token(String);

impl Token {
    /// 128 random bits.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(bits)))
    }

    /// The token as it stands in the page's path.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `given` is the token, in a time that does not tell how much of it is right.
    pub(crate) fn matches(&self, given: &str) -> bool {
        let (own, given) = (self.0.as_bytes(), given.as_bytes());
        let difference = own
            .iter()
            .zip(given)
            .fold(0, |difference, (own, given)| difference | (own ^ given));
        // `black_box` keeps the compiler from leaving the loop early.
        own.len() == given.len() && std::hint::black_box(difference) == 0
    }
}

/// The response with the headers that every answer of a local server carries.
pub(crate) fn secured(mut response: Response, content_security_policy: &str) -> Response {
    const SAME_FOR_ALL: [(HeaderName, &str); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        // Page and widget are of one site; without this they would share one thread, and a busy widget stop the page.
        (HeaderName::from_static("origin-agent-cluster"), "?1"),
    ];
    let headers = response.headers_mut();
    for (name, value) in SAME_FOR_ALL {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = HeaderValue::from_str(content_security_policy)
        .expect("policies are made of origins, which are printable ASCII");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
