//! The web server of the demo widget: another port than the page's, and therefore another origin.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use url::Url;

use crate::page::{LocalListener, LocalNames, PageError, Refusal, asset, secured};

#[derive(RustEmbed)]
#[folder = "src/demo/widget/"]
struct WidgetFiles;

/// Serves the demo widget on a loopback address.
pub(crate) struct WidgetServer {
    listener: LocalListener,
}

impl WidgetServer {
    /// Listens on `addr`, which must be a loopback address; port 0 takes any free port.
    pub(crate) async fn bind(addr: SocketAddr) -> Result<Self, PageError> {
        let listener = LocalListener::bind(addr).await?;
        Ok(Self { listener })
    }

    /// The widget's origin, `http://address:port`.
    pub(crate) fn origin(&self) -> String {
        self.listener.names().origin()
    }

    /// The widget's page, still without `widgetId` and `parentUrl`.
    pub(crate) fn url(&self) -> Url {
        Url::parse(&self.origin()).expect("an address makes a URL")
    }

    /// Serves the widget until dropped. Only pages of the `page_origins` may frame it.
    pub(crate) async fn serve(self, page_origins: &[String]) {
        let widget = Widget {
            names: self.listener.names().clone(),
            content_security_policy: format!(
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                 frame-ancestors {}; base-uri 'none'; form-action 'none'",
                page_origins.join(" ")
            ),
        };
        let router = Router::new().fallback(answer).with_state(Arc::new(widget));
        self.listener.serve(router).await;
    }
}

struct Widget {
    names: LocalNames,
    content_security_policy: String,
}

impl Widget {
    fn route(&self, request: &Request) -> Result<Response, Refusal> {
        self.names.check_host(request)?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Refusal {
                status: StatusCode::METHOD_NOT_ALLOWED,
                reason: "Expected GET.".to_owned(),
            });
        }
        let path = request.uri().path();
        asset::<WidgetFiles>(path.strip_prefix('/').unwrap_or_default()).ok_or_else(|| Refusal {
            status: StatusCode::NOT_FOUND,
            reason: "The demo widget has no such file.".to_owned(),
        })
    }
}

async fn answer(State(widget): State<Arc<Widget>>, request: Request) -> Response {
    let answer = widget.route(&request);
    secured(
        answer.unwrap_or_else(IntoResponse::into_response),
        &widget.content_security_policy,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::PageServer;
    use crate::page::tests::{any_port, ask, header, status};

    /// The widget's address, and the origins of the page that may frame it.
    async fn serve() -> (SocketAddr, [String; 2]) {
        let server = WidgetServer::bind(any_port()).await.unwrap();
        let url = server.url();
        assert_eq!(url.as_str(), format!("{}/", server.origin()));
        let pages = PageServer::bind(any_port()).await.unwrap().origins();
        let allowed = pages.clone();
        tokio::spawn(async move { server.serve(&allowed).await });
        (
            SocketAddr::from(([127, 0, 0, 1], url.port().unwrap())),
            pages,
        )
    }

    #[tokio::test]
    async fn the_widget_may_be_framed_by_the_page_only() {
        let (addr, [by_address, by_name]) = serve().await;
        assert!(by_name.starts_with("http://localhost:"));
        let request = format!("GET /?widgetId=demo HTTP/1.1\nHost: {addr}");
        let answer = ask(addr, &request).await;
        assert_eq!(status(&answer), 200);
        assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8");
        let policy = header(&answer, "content-security-policy");
        let ancestors = format!("frame-ancestors {by_address} {by_name}");
        assert!(
            policy.split("; ").any(|given| given == ancestors),
            "{policy}"
        );
    }

    #[tokio::test]
    async fn a_rebound_host_and_unknown_files_are_refused() {
        let (addr, _) = serve().await;
        for (request, expected) in [
            ("GET / HTTP/1.1\nHost: rebound.example".to_owned(), 403),
            (format!("GET /nothing HTTP/1.1\nHost: {addr}"), 404),
            (format!("GET /../page.rs HTTP/1.1\nHost: {addr}"), 404),
            (
                format!("POST / HTTP/1.1\nHost: {addr}\nContent-Length: 0"),
                405,
            ),
        ] {
            let answer = ask(addr, &request).await;
            assert_eq!(status(&answer), expected, "{request}");
            assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        }
    }

    #[tokio::test]
    async fn the_widget_is_on_loopback_only() {
        let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let error = WidgetServer::bind(everywhere).await.err().unwrap();
        assert!(matches!(error, PageError::NotLoopback { .. }));
    }
}
