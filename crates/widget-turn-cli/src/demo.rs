//! `widget-turn demo`: a homeserver's TURN endpoint, a TURN server and a widget that tries them, in one process.
//!
//! The page, the layer and the source are those of a real host; only what is at the two ends is the demo's own.

pub(crate) mod homeserver;
pub(crate) mod turn_server;
pub(crate) mod widget_server;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use url::Url;
use widget_turn::{
    FeedConfig, Grants, HttpTurnSource, LayerConfig, Origin, Secret, TrustedOrigins, TurnFeed,
};

use crate::arguments;
use crate::browser;
use crate::credentials::{SharedSecret, system_clock};
use crate::event::{Event, Reporter};
use crate::observed::Observed;
use crate::page::{PageConfig, PageServer};
use crate::secret_file;
use crate::session::{self, Host};
use homeserver::HomeserverConfig;
use turn_server::TurnServer;
use widget_server::WidgetServer;

const ACCOUNT: &str = "@demo:localhost";
const WIDGET_ID: &str = "widget-turn-demo";

/// Why the demo cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error("cannot read the TURN secret from {path}: {source}")]
    Secret {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the TURN secret in {0} is empty: expected the text of `static-auth-secret`")]
    EmptySecret(PathBuf),
    #[error("cannot start the demo's homeserver on loopback: {0}")]
    Homeserver(std::io::Error),
    #[error("the operating system has no randomness to give: {0}")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    Page(#[from] crate::page::PageError),
    #[error(transparent)]
    TurnServer(#[from] turn_server::TurnServerError),
    #[error(transparent)]
    Source(#[from] widget_turn::HttpTurnSourceError),
    #[error(transparent)]
    TrustedOrigin(#[from] widget_turn::TrustedOriginError),
    #[error(transparent)]
    Grants(#[from] widget_turn::GrantsError),
}

/// Runs until it is dropped; everything it starts ends with it.
pub(crate) async fn run(arguments: arguments::Demo, grants: PathBuf) -> Result<(), DemoError> {
    let reporter = Arc::new(Reporter::new(arguments.json));
    let _last_words = reporter.last_words();
    let trusted = TrustedOrigins::new(&arguments.trust_origin)?;
    let grants = Grants::open(grants)?;
    let secret = match arguments.turn_secret_file {
        Some(path) => read_secret(path).await?,
        None => SharedSecret::random()?,
    };

    let mut servers = JoinSet::new();
    let page = PageServer::bind(arguments.listen).await?;
    let (widget_name, widget_url) = match arguments.widget {
        Some(url) => (url.host_str().unwrap_or("Widget").to_owned(), url),
        None => {
            let widget = WidgetServer::bind(next_port(arguments.listen)).await?;
            let url = widget.url();
            let parents = page.origins();
            servers.spawn(async move { widget.serve(&parents).await });
            ("Relay demo".to_owned(), url)
        }
    };
    let turn_uris = if arguments.turn_uri.is_empty() {
        let turn = TurnServer::bind(any_port(), "localhost", secret.clone()).await?;
        let address = turn.local_addr();
        servers.spawn(turn.run());
        ["udp", "tcp"]
            .map(|transport| format!("turn:{address}?transport={transport}"))
            .into()
    } else {
        arguments.turn_uri
    };
    let source = homeserver(&mut servers, secret, turn_uris.clone(), arguments.ttl).await?;
    let source = Observed::new(source, reporter.clone());

    let shared = Arc::new(session::Shared {
        fetches: source.last(),
        feed: TurnFeed::new(source, feed_config(arguments.ttl)),
        host: Host::Handshake(LayerConfig::new(
            WIDGET_ID,
            Origin::from(&widget_url),
            ACCOUNT,
        )),
        trusted,
        grants,
        // It is in this process.
        outage: watch::channel(None).1,
        reporter: reporter.clone(),
    });
    let (page_url, ticket_url) = (page.url(), page.ticket_url());
    let config = PageConfig {
        widget_name,
        widget_url: widget_url.clone(),
        widget_id: WIDGET_ID.to_owned(),
        account: ACCOUNT.to_owned(),
        room: None,
    };
    let (sessions, mut tabs) = mpsc::channel(1);
    servers.spawn(page.serve(config, sessions)?);
    reporter.report(&Event::Listening {
        url: page_url.to_string(),
        widget: widget_url.to_string(),
        room: None,
        account: None,
        turn: turn_uris,
    });
    if !arguments.no_open {
        browser::open(ticket_url, &reporter);
    }

    let mut number = 0;
    while let Some(tab) = tabs.recv().await {
        number += 1;
        servers.spawn(session::run(tab, number, shared.clone()));
        // What has ended is not kept.
        while servers.try_join_next().is_some() {}
    }
    Ok(())
}

/// The endpoint, and a source that asks it as any client asks its homeserver.
async fn homeserver(
    servers: &mut JoinSet<()>,
    secret: SharedSecret,
    turn_uris: Vec<String>,
    ttl: Duration,
) -> Result<HttpTurnSource, DemoError> {
    let listener = TcpListener::bind(any_port())
        .await
        .map_err(DemoError::Homeserver)?;
    let address = listener.local_addr().map_err(DemoError::Homeserver)?;
    let access_token = SharedSecret::random()?.password_of("access token");
    let config = HomeserverConfig {
        access_token: access_token.clone(),
        user_id: ACCOUNT.to_owned(),
        turn_uris,
        secret,
        ttl: ttl.as_secs(),
        clock: system_clock(),
    };
    servers.spawn(async move {
        if let Err(error) = homeserver::serve(listener, config).await {
            tracing::error!("the demo's homeserver has ended: {error}");
        }
    });
    let url = Url::parse(&format!("http://{address}")).expect("an address makes a URL");
    Ok(HttpTurnSource::new(url, Secret::new(&**access_token))?)
}

/// Short lives are refreshed more often than the default allows.
fn feed_config(ttl: Duration) -> FeedConfig {
    let config = FeedConfig::default();
    FeedConfig {
        min_interval: config.min_interval.min(ttl / 10),
        ..config
    }
}

async fn read_secret(path: PathBuf) -> Result<SharedSecret, DemoError> {
    let text = match secret_file::read(&path).await {
        Ok(text) => text,
        Err(source) => return Err(DemoError::Secret { path, source }),
    };
    match text.trim() {
        "" => Err(DemoError::EmptySecret(path)),
        secret => Ok(SharedSecret::from_text(secret)),
    }
}

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Beside the page, so that the widget's origin is the same each time, and what was granted to it for always holds.
fn next_port(mut address: SocketAddr) -> SocketAddr {
    let next = if address.port() == 0 {
        0
    } else {
        address.port().checked_add(1).unwrap_or(0)
    };
    address.set_port(next);
    address
}
