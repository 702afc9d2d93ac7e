//! Files that are part of the program.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

/// The page's own files.
#[derive(RustEmbed)]
#[folder = "src/page/web/"]
pub(crate) struct PageFiles;

/// The file at `path` among the `Files`; the empty path is the start page. `None` if there is no such file.
pub(crate) fn asset<Files: RustEmbed>(path: &str) -> Option<Response> {
    let path = if path.is_empty() { "index.html" } else { path };
    let file = Files::get(path)?;
    let content_type = match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let headers = [(header::CONTENT_TYPE, content_type)];
    Some((headers, file.data).into_response())
}
