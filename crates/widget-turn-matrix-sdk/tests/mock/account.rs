//! An account on a mock homeserver.
#![allow(dead_code, reason = "each test binary uses a part")]

use matrix_sdk::authentication::matrix::MatrixSession;
use matrix_sdk::ruma::{device_id, user_id};
use matrix_sdk::store::RoomLoadSettings;
use matrix_sdk::test_utils::mocks::MatrixMockServer;
use matrix_sdk::{Client, SessionMeta, SessionTokens};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

pub(crate) const TURN_SERVER: &str = "/_matrix/client/v3/voip/turnServer";

/// Logged in by a token that cannot be refreshed.
pub(crate) async fn client(server: &MatrixMockServer) -> Client {
    server.client_builder().build().await
}

/// Logged in by a token that the SDK may refresh.
pub(crate) async fn refreshing_client(
    server: &MatrixMockServer,
    access_token: &str,
    refresh_token: &str,
) -> Client {
    let client = server
        .client_builder()
        .on_builder(|builder| builder.handle_refresh_tokens())
        .unlogged()
        .build()
        .await;
    let session = MatrixSession {
        meta: SessionMeta {
            user_id: user_id!("@alice:example.org").to_owned(),
            device_id: device_id!("DEVICE").to_owned(),
        },
        tokens: SessionTokens {
            access_token: access_token.to_owned(),
            refresh_token: Some(refresh_token.to_owned()),
        },
    };
    let restored = client
        .matrix_auth()
        .restore_session(session, RoomLoadSettings::default())
        .await;
    restored.unwrap();
    client
}

/// Has the homeserver answer the question for TURN servers.
pub(crate) async fn answering(server: &MatrixMockServer, answer: ResponseTemplate) {
    Mock::given(method("GET"))
        .and(path(TURN_SERVER))
        .respond_with(answer)
        .mount(server.server())
        .await;
}

/// How often the homeserver was asked for TURN servers.
pub(crate) async fn asked(server: &MatrixMockServer) -> usize {
    let requests = server.server().received_requests().await;
    let requests = requests.unwrap();
    requests
        .iter()
        .filter(|request| request.url.path() == TURN_SERVER)
        .count()
}
