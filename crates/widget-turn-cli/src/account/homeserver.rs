//! Where a homeserver is.

use std::time::Duration;

use reqwest::{Client, redirect, tls};
use serde_json::Value;
use url::{Host, Url};
use widget_turn::Secret;

use super::fault::{AccountError, Fault};

const WELL_KNOWN: &str = "/.well-known/matrix/client";
const VERSIONS: &str = "/_matrix/client/versions";
/// For one answer to a question of discovery.
const LIMIT: Duration = Duration::from_secs(15);
/// What is read of one, in bytes.
const LONGEST: usize = 64 * 1024;
const REDIRECTS: usize = 5;

/// A homeserver as the person named it.
pub(super) struct Homeserver {
    name: String,
    place: Place,
}

enum Place {
    /// A server name, whose base URL is to be looked up at this origin.
    Name(Url),
    Base(Url),
}

impl Homeserver {
    /// `name` is a server name or a base URL.
    pub(super) fn read(name: &str) -> Result<Self, AccountError> {
        let wrong = || AccountError::HomeserverName(name.to_owned());
        let place = if name.contains("://") {
            let url = Url::parse(name).map_err(|_| wrong())?;
            if url.scheme() == "http" && !is_loopback(&url) {
                return Err(AccountError::PlainHttp(without_secrets(&url)));
            }
            Place::Base(base_url(url).ok_or_else(wrong)?)
        } else {
            let url = Url::parse(&format!("https://{name}")).ok();
            let origin = url.and_then(base_url).ok_or_else(wrong)?;
            if origin.path() != "/" {
                return Err(wrong());
            }
            Place::Name(origin)
        };
        Ok(Self {
            name: name.to_owned(),
            place,
        })
    }

    /// As it was named.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The URL of its client-server API, where a homeserver has answered.
    pub(super) async fn base_url(&self) -> Result<Url, AccountError> {
        let base = match &self.place {
            Place::Name(origin) => discover(origin).await?,
            Place::Base(base) => base.clone(),
        };
        let answer = get(&http_client(&base)?, &at(&base, VERSIONS), None).await;
        match answer.map_err(|error| Fault::of_network(&base, &error))? {
            (200, body) if body.get("versions").is_some_and(Value::is_array) => Ok(base),
            (status, _) => Err(Fault::NotAHomeserver {
                url: base.to_string(),
                status,
            }
            .into()),
        }
    }
}

/// By `/.well-known/matrix/client`; the server name itself where there is none (Matrix 1.19, "Server Discovery").
pub(super) async fn discover(origin: &Url) -> Result<Url, AccountError> {
    let client = builder(origin)
        .redirect(redirect::Policy::limited(REDIRECTS))
        .build()
        .map_err(|error| AccountError::NoClient(super::fault::chain(&error)))?;
    let url = at(origin, WELL_KNOWN);
    let wrong = |why: String| AccountError::WellKnown {
        url: url.to_string(),
        why,
    };
    match get(&client, &url, None).await {
        Ok((404, _)) => Ok(origin.clone()),
        Ok((200, body)) => {
            let named = body
                .pointer("/m.homeserver/base_url")
                .and_then(Value::as_str)
                .ok_or_else(|| wrong("it has no m.homeserver.base_url".to_owned()))?;
            named_by(origin, named).ok_or_else(|| wrong("it names no https: URL".to_owned()))
        }
        Ok((status, _)) => Err(wrong(format!("it answered {status}"))),
        Err(error) => Err(Fault::of_network(origin, &error).into()),
    }
}

/// A server elsewhere does not send anybody to what listens on this machine, where passwords would go without TLS.
pub(super) fn named_by(origin: &Url, named: &str) -> Option<Url> {
    let base = base_url(Url::parse(named).ok()?)?;
    (base.scheme() == "https" || is_loopback(origin)).then_some(base)
}

/// Status, and body where that is JSON.
pub(super) async fn get(
    client: &Client,
    url: &Url,
    token: Option<&Secret>,
) -> Result<(u16, Value), reqwest::Error> {
    let mut request = client.get(url.clone()).timeout(LIMIT);
    if let Some(token) = token {
        request = request.bearer_auth(token.expose());
    }
    let mut response = request.send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            body.clear();
            break;
        }
    }
    let json = serde_json::from_slice(&body).unwrap_or_default();
    Ok((response.status().as_u16(), json))
}

/// For one homeserver. What it redirects elsewhere is not followed: passwords and tokens go nowhere else.
pub(super) fn http_client(base_url: &Url) -> Result<Client, AccountError> {
    let same_origin = redirect::Policy::custom(|attempt| {
        let first = attempt.previous().first().map(Url::origin);
        if first == Some(attempt.url().origin()) && attempt.previous().len() <= REDIRECTS {
            attempt.follow()
        } else {
            attempt.stop()
        }
    });
    let built = builder(base_url).redirect(same_origin).build();
    built.map_err(|error| AccountError::NoClient(super::fault::chain(&error)))
}

fn builder(base_url: &Url) -> reqwest::ClientBuilder {
    let mut builder = Client::builder()
        .user_agent(concat!("widget-turn/", env!("CARGO_PKG_VERSION")))
        .min_tls_version(tls::Version::TLS_1_2)
        // Nor by a redirect.
        .https_only(base_url.scheme() == "https");
    if is_loopback(base_url) {
        builder = builder.no_proxy();
        if base_url.scheme() == "http" {
            // No TLS can come up, so a system without root certificates will do.
            builder = builder.tls_certs_only([]);
        }
    }
    builder
}

/// `None` for what cannot be the URL of a client-server API, or is one that passwords must not go to.
fn base_url(url: Url) -> Option<Url> {
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.host().is_some();
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    (plain && safe).then_some(url)
}

pub(super) fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

fn without_secrets(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    format!("{}://{host}", url.scheme())
}

/// Whether no proxy can reach it, nor anybody listen on the way. Of names, that holds for `localhost` alone: what is below it,
/// many resolvers ask others for.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
