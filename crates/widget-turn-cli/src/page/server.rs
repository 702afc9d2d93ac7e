//! The page's web server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::X_FRAME_OPTIONS;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use tokio::sync::mpsc;
use url::Url;

use super::assets::{PageFiles, asset};
use super::config::PageConfig;
use super::guard::{LocalNames, Refusal, Token, check_own_origin, secured};
use super::listener::{LocalListener, PageError};
use super::socket::{MAX_FRAME, PageSession, run};

/// The first part of the path of [`PageServer::ticket_url`].
const TICKET: &str = "open";

/// A web server on a loopback address that serves the page to whoever has its URL.
pub(crate) struct PageServer {
    listener: LocalListener,
    token: Token,
    ticket: Token,
}

impl PageServer {
    /// Listens on `addr`, which must be a loopback address; port 0 takes any free port.
    pub(crate) async fn bind(addr: SocketAddr) -> Result<Self, PageError> {
        let token = Token::random().map_err(PageError::Random)?;
        let ticket = Token::random().map_err(PageError::Random)?;
        let listener = LocalListener::bind(addr).await?;
        Ok(Self {
            listener,
            token,
            ticket,
        })
    }

    /// The page's address, with its secret token: for the person at this machine only, not for the log.
    pub(crate) fn url(&self) -> Url {
        let url = format!(
            "{}/{}/",
            self.listener.names().origin(),
            self.token.as_str()
        );
        Url::parse(&url).expect("an address and a URL-safe token make a URL")
    }

    /// An address that leads to the page once. A browser is started with it, and what a program is started with can be
    /// seen by every user of the machine.
    pub(crate) fn ticket_url(&self) -> Url {
        let url = format!(
            "{}/{TICKET}/{}",
            self.listener.names().origin(),
            self.ticket.as_str()
        );
        Url::parse(&url).expect("an address and a URL-safe token make a URL")
    }

    /// The origins that the page can have in the browser. The widget may allow these to frame it.
    pub(crate) fn origins(&self) -> [String; 2] {
        self.listener.names().origins()
    }

    /// Serves the page and hands out one session for each tab that opens it.
    ///
    /// Ends when the receiver of `sessions` is gone. An error at once if the widget's URL cannot be framed.
    pub(crate) fn serve(
        self,
        config: PageConfig,
        sessions: mpsc::Sender<PageSession>,
    ) -> Result<impl Future<Output = ()> + use<>, PageError> {
        let page = Page {
            widget_origin: config.widget_origin()?,
            hello: config.hello(),
            names: self.listener.names().clone(),
            token: self.token,
            ticket: self.ticket,
            is_ticket_used: AtomicBool::new(false),
            sessions: sessions.clone(),
        };
        let router = Router::new().fallback(answer).with_state(Arc::new(page));
        let listener = self.listener;
        Ok(async move {
            tokio::select! {
                () = listener.serve(router) => {}
                () = sessions.closed() => {}
            }
        })
    }
}

/// All that an answer depends on.
struct Page {
    names: LocalNames,
    token: Token,
    ticket: Token,
    is_ticket_used: AtomicBool,
    widget_origin: String,
    hello: String,
    sessions: mpsc::Sender<PageSession>,
}

impl Page {
    /// What the page's document may do when it was opened under the name `host`.
    fn content_security_policy(&self, host: &str) -> String {
        format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self' ws://{host}; frame-src {}; frame-ancestors 'none'; base-uri 'none'; \
             form-action 'none'",
            self.widget_origin
        )
    }

    async fn route(&self, host: &str, request: Request) -> Result<Response, Refusal> {
        let path = request.uri().path().to_owned();
        let path = path.strip_prefix('/').unwrap_or_default();
        let (token, file) = match path.split_once('/') {
            Some((token, file)) => (token, Some(file)),
            None => (path, None),
        };
        if token == TICKET && self.ticket.matches(file.unwrap_or_default()) {
            return self.redeem();
        }
        if !self.token.matches(token) {
            return Err(Refusal {
                status: StatusCode::NOT_FOUND,
                reason: "Nothing is here. Open the whole address that widget-turn printed: it ends in a token that \
                         keeps others out, and every start makes a new one."
                    .to_owned(),
            });
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Refusal {
                status: StatusCode::METHOD_NOT_ALLOWED,
                reason: "Expected GET.".to_owned(),
            });
        }
        match file {
            None => Ok(Redirect::permanent(&format!("/{token}/")).into_response()),
            Some("socket") => self.upgrade(host, request).await,
            Some(file) => asset::<PageFiles>(file).ok_or_else(|| Refusal {
                status: StatusCode::NOT_FOUND,
                reason: "The page has no such file.".to_owned(),
            }),
        }
    }

    /// The ticket leads to the page once: whoever comes second learns that somebody was quicker.
    fn redeem(&self) -> Result<Response, Refusal> {
        if self.is_ticket_used.swap(true, Ordering::Relaxed) {
            return Err(Refusal {
                status: StatusCode::GONE,
                reason: "This address has led to the page already. If your browser did not show the page, another user of \
                         this machine has it: end widget-turn, and start it again with --no-open."
                    .to_owned(),
            });
        }
        Ok(Redirect::to(&format!("/{}/", self.token.as_str())).into_response())
    }

    async fn upgrade(&self, host: &str, request: Request) -> Result<Response, Refusal> {
        check_own_origin(request.headers(), host)?;
        let (mut parts, _) = request.into_parts();
        let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
            .await
            .map_err(|rejection| Refusal {
                status: rejection.status(),
                reason: rejection.body_text(),
            })?;
        let (hello, sessions) = (self.hello.clone(), self.sessions.clone());
        Ok(upgrade
            .max_message_size(MAX_FRAME)
            .max_frame_size(MAX_FRAME)
            .on_upgrade(move |socket| run(socket, hello, sessions)))
    }
}

async fn answer(State(page): State<Arc<Page>>, request: Request) -> Response {
    let (host, answer) = match page.names.check_host(&request) {
        Ok(host) => (host, page.route(host, request).await),
        Err(refusal) => ("localhost", Err(refusal)),
    };
    let policy = page.content_security_policy(host);
    let mut answer = secured(answer.unwrap_or_else(IntoResponse::into_response), &policy);
    // What `frame-ancestors` says, for those who do not know it.
    let framing = HeaderValue::from_static("DENY");
    answer.headers_mut().insert(X_FRAME_OPTIONS, framing);
    answer
}
