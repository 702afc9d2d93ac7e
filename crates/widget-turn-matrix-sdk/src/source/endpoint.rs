//! `GET /_matrix/client/v3/voip/turnServer` as the SDK sends it and this crate reads it.
//!
//! ruma's own type refuses what homeservers really answer, `{}` among it, and prints the password.

use std::time::{Duration, SystemTime};

use bytes::BufMut;
use http::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use matrix_sdk::ruma::api::auth_scheme::{AccessToken, AuthScheme, SendAccessToken};
use matrix_sdk::ruma::api::error::{Error, FromHttpResponseError, IntoHttpError};
use matrix_sdk::ruma::api::{EndpointError, IncomingResponse, Metadata, OutgoingRequest, metadata};
use widget_turn::{Fetched, read_response, read_retry_after};

/// The error code that the SDK refreshes the token at.
pub(super) const UNKNOWN_TOKEN: &str = "M_UNKNOWN_TOKEN";

#[derive(Clone, Debug)]
pub(super) struct Request;

metadata! {
    method: GET,
    rate_limited: true,
    authentication: AccessToken,
    path: "/_matrix/client/v3/voip/turnServer",
}

impl OutgoingRequest for Request {
    type EndpointError = Error;
    type IncomingResponse = Answer;

    fn try_into_http_request<T: Default + BufMut + AsRef<[u8]>>(
        self,
        base_url: &str,
        access_token: SendAccessToken<'_>,
        (): (),
    ) -> Result<http::Request<T>, IntoHttpError> {
        let mut request = http::Request::builder()
            .method(Self::METHOD)
            .uri(Self::make_endpoint_url((), base_url, &[], "")?)
            .body(T::default())?;
        AccessToken::add_authentication(&mut request, access_token)
            .map_err(|error| IntoHttpError::Authentication(error.into()))?;
        Ok(request)
    }
}

/// Whatever the homeserver answered, unless it is [`UNKNOWN_TOKEN`].
pub(super) struct Answer(pub(super) Fetched);

impl IncomingResponse for Answer {
    type EndpointError = Error;

    fn try_from_http_response<T: AsRef<[u8]>>(
        response: http::Response<T>,
    ) -> Result<Self, FromHttpResponseError<Error>> {
        let retry_after = retry_after(response.headers());
        let fetched = read_response(
            response.status().as_u16(),
            retry_after,
            response.body().as_ref(),
        );
        match &fetched {
            // An error to the SDK, so that it refreshes the token and asks again.
            Fetched::Unauthorized(error) | Fetched::Forbidden(error)
                if error.errcode.as_deref() == Some(UNKNOWN_TOKEN) =>
            {
                let error = Error::from_http_response(response);
                Err(FromHttpResponseError::Server(error))
            }
            _ => Ok(Self(fetched)),
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    read_retry_after(text(RETRY_AFTER)?, text(DATE), SystemTime::now())
}
