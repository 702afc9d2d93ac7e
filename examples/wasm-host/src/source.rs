//! TURN credentials from a homeserver, by the browser's `fetch`.

use std::time::{Duration, SystemTime};

use js_sys::{Array, Date, Reflect, Uint8Array};
use wasm_bindgen::prelude::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, Headers, ReadableStreamDefaultReader, RequestCache,
    RequestCredentials, RequestInit, RequestRedirect, Response, Url,
};
use widget_turn::{
    Failure, Fetched, MAX_RESPONSE, Secret, TurnSource, read_response, read_retry_after,
};

const PATH: &str = "/_matrix/client/v3/voip/turnServer";
/// In milliseconds.
const PATIENCE: u32 = 10_000;

/// Asks a homeserver with an access token.
pub(crate) struct FetchSource {
    endpoint: String,
    access_token: Secret,
}

impl FetchSource {
    /// # Errors
    ///
    /// What is wrong with the homeserver's address, in words.
    pub(crate) fn new(homeserver: &str, access_token: Secret) -> Result<Self, String> {
        let expected = || "expected the homeserver as in `https://matrix.example.org`".to_owned();
        let url = Url::new(homeserver).map_err(|_| expected())?;
        let is_http = matches!(&*url.protocol(), "https:" | "http:");
        let has_more = [url.username(), url.password(), url.search(), url.hash()];
        if !is_http || has_more.iter().any(|part| !part.is_empty()) {
            return Err(expected());
        }
        let endpoint = format!("{}{PATH}", url.href().trim_end_matches('/'));
        Ok(Self {
            endpoint,
            access_token,
        })
    }

    async fn ask(&self) -> Result<Fetched, JsValue> {
        let ended = AbortOnDrop(AbortController::new()?);
        let limits = [ended.0.signal(), AbortSignal::timeout_with_u32(PATIENCE)];
        let headers = Headers::new()?;
        let bearer = Secret::new(format!("Bearer {}", self.access_token.expose()));
        headers.set("Authorization", bearer.expose())?;
        let request = RequestInit::new();
        request.set_headers(&headers);
        request.set_signal(Some(&AbortSignal::any(&limits.iter().collect::<Array>())));
        // The token is for this homeserver alone.
        request.set_redirect(RequestRedirect::Error);
        request.set_credentials(RequestCredentials::Omit);
        request.set_cache(RequestCache::NoStore);

        let page = web_sys::window().ok_or("expected a window")?;
        let response = JsFuture::from(page.fetch_with_str_and_init(&self.endpoint, &request));
        let response: Response = response.await?.dyn_into()?;
        let retry_after = retry_after(&response.headers());
        // Half a body says nothing, but the status and the header still count.
        let body = read_body(&response).await.unwrap_or_default();
        Ok(read_response(response.status(), retry_after, &body))
    }
}

impl TurnSource for FetchSource {
    async fn fetch(&self) -> Fetched {
        self.ask().await.unwrap_or_else(|why| {
            web_sys::console::warn_2(&"no answer from the homeserver:".into(), &why);
            Fetched::Failed(Failure::default())
        })
    }
}

/// Whoever drops a fetch wants the request to end.
struct AbortOnDrop(AbortController);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Browsers show these headers only if the homeserver exposes them (`Access-Control-Expose-Headers`).
fn retry_after(headers: &Headers) -> Option<Duration> {
    let text = |name| headers.get(name).ok().flatten();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(Date::now().max(0.0) / 1000.0);
    read_retry_after(&text("Retry-After")?, text("Date").as_deref(), now)
}

async fn read_body(response: &Response) -> Result<Vec<u8>, JsValue> {
    let mut body = Vec::new();
    let Some(stream) = response.body() else {
        return Ok(body);
    };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    while body.len() <= MAX_RESPONSE {
        let chunk = JsFuture::from(reader.read()).await?;
        if Reflect::get(&chunk, &"done".into())?.is_truthy() {
            break;
        }
        let bytes: Uint8Array = Reflect::get(&chunk, &"value".into())?.dyn_into()?;
        body.extend_from_slice(&bytes.to_vec());
    }
    Ok(body)
}
