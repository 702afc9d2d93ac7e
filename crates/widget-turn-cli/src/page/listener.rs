//! A TCP listener that nothing outside this machine can reach.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::guard::LocalNames;

/// Why a local web server did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// The address is reachable from other machines.
    #[error(
        "{addr} is not a loopback address: expected 127.0.0.1 or [::1] with a port, for example 127.0.0.1:0"
    )]
    NotLoopback {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// Another program listens there.
    #[error(
        "port {port} of {ip} is in use: pass `--listen {free}` for any free port, or name another one",
        port = .addr.port(), ip = .addr.ip(), free = SocketAddr::new(.addr.ip(), 0)
    )]
    InUse {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The operating system refused for another reason.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operating system gave no random numbers for the token.
    #[error("no random numbers for the page's token: {0}")]
    Random(getrandom::Error),
    /// The widget's URL has no origin that an iframe could be held to.
    #[error(
        "{url} cannot be shown as a widget: expected an http or https URL with a plain host name or an IPv4 address"
    )]
    WidgetUrl {
        /// The URL without its query, which may hold secrets.
        url: String,
    },
}

/// A listener on a loopback address.
pub(crate) struct LocalListener {
    listener: TcpListener,
    names: LocalNames,
}

impl LocalListener {
    /// Listens on `addr`; port 0 takes any free port.
    pub(crate) async fn bind(addr: SocketAddr) -> Result<Self, PageError> {
        if !addr.ip().is_loopback() {
            return Err(PageError::NotLoopback { addr });
        }
        let listen = |source: io::Error| match source.kind() {
            ErrorKind::AddrInUse => PageError::InUse { addr },
            _ => PageError::Listen { addr, source },
        };
        let listener = TcpListener::bind(addr).await.map_err(listen)?;
        let names = LocalNames::of(listener.local_addr().map_err(listen)?);
        Ok(Self { listener, names })
    }

    /// The names under which a browser reaches this listener.
    pub(crate) fn names(&self) -> &LocalNames {
        &self.names
    }

    /// Answers requests until dropped. Sockets that are open by then end by themselves.
    pub(crate) async fn serve(self, router: Router) {
        self.serve_within(Bounds::default(), router).await;
    }

    pub(super) async fn serve_within(self, bounds: Bounds, router: Router) {
        let places = Arc::new(Semaphore::new(bounds.connections));
        let mut connections = JoinSet::new();
        loop {
            let place = places.clone().acquire_owned().await;
            let place = place.expect("the semaphore is never closed");
            while connections.try_join_next().is_some() {}
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let answered = answer(stream, router.clone(), bounds.lifetime);
                    connections.spawn(async move {
                        answered.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Too many open files, in all likelihood: without a pause it would be tried again and again.
                    tracing::warn!(%error, "cannot take a connection");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

/// What strangers can take up. Sockets count no longer once they are open: they begin with the token.
pub(super) struct Bounds {
    /// How many connections there are at once; more wait until they are accepted.
    pub(super) connections: usize,
    /// How long one lasts, idle or not, until it is asked to end; after that time once more it does. Browsers open another
    /// when they need it.
    pub(super) lifetime: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 256,
            lifetime: Duration::from_secs(30),
        }
    }
}

/// The longest head of a request, in bytes: browsers send the cookies of every server of this machine.
const MAX_HEAD: usize = 64 << 10;

/// Answers the requests of one connection, until it ends, is a socket, or has lasted for too long: however slow the other
/// side is, and whatever it waits for.
async fn answer(stream: TcpStream, router: Router, lifetime: Duration) {
    // Widget messages are small and each waits for an answer.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let connection = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = pin!(connection);
    let mut ended = timeout(lifetime, connection.as_mut()).await;
    if ended.is_err() {
        // An answer that is on its way still arrives.
        connection.as_mut().graceful_shutdown();
        ended = timeout(lifetime, connection).await;
    }
    if let Ok(Err(error)) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}
