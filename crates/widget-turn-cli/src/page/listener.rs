//! A TCP listener that nothing outside this machine can reach.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

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

    /// Answers requests until dropped. Connections that are open by then end by themselves.
    pub(crate) async fn serve(self, router: Router) {
        let listener = self.listener.tap_io(|stream| {
            // Widget messages are small and each waits for an answer.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "cannot set TCP_NODELAY");
            }
        });
        // `axum::serve` retries what fails and never ends by itself.
        let _ = axum::serve(listener, router).await;
    }
}
