//! The page's server, asked over real connections.

mod connections;
mod guard;
mod socket;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use url::Url;

use super::{PageConfig, PageRoom, PageServer, PageSession};

/// Longer than anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// The result of `future`, which must come within the time limit.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LIMIT, future)
        .await
        .expect("it takes too long")
}

pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// One request over a connection of its own; the whole answer as text.
pub(crate) async fn ask(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = request.replace('\n', "\r\n");
    stream
        .write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = Vec::new();
    soon(stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// The status code of an answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer[9..12].parse().unwrap()
}

/// The one value of the header `name`, which is given in lower case.
pub(crate) fn header<'answer>(answer: &'answer str, name: &str) -> &'answer str {
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let mut values = head.lines().filter_map(|line| {
        let (given, value) = line.split_once(": ")?;
        (given == name).then_some(value)
    });
    let value = values.next().unwrap_or_else(|| panic!("no {name}: {head}"));
    assert_eq!(values.next(), None, "two of {name}");
    value
}

/// A page server at work.
struct Page {
    url: Url,
    ticket_url: Url,
    addr: SocketAddr,
    sessions: mpsc::Receiver<PageSession>,
    server: JoinHandle<()>,
}

impl Page {
    async fn serve() -> Self {
        let server = PageServer::bind(any_port()).await.unwrap();
        let (url, ticket_url) = (server.url(), server.ticket_url());
        let (to_sessions, sessions) = mpsc::channel(4);
        let served = server
            .serve(config("https://widget.example/app?room=1#x"), to_sessions)
            .unwrap();
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], url.port().unwrap())),
            url,
            ticket_url,
            sessions,
            server: tokio::spawn(served),
        }
    }

    fn token(&self) -> &str {
        self.url.path().trim_matches('/')
    }

    /// The page's file at `path` as seen by a browser.
    async fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\nHost: {}", self.addr);
        ask(self.addr, &request).await
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn config(widget_url: &str) -> PageConfig {
    PageConfig {
        widget_url: Url::parse(widget_url).unwrap(),
        widget_id: "demo".to_owned(),
        widget_name: "Demo".to_owned(),
        account: "@alice:example.org".to_owned(),
        room: Some(PageRoom {
            id: "!room:example.org".to_owned(),
            name: "Example".to_owned(),
        }),
    }
}
