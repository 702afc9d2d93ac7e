//! A sliding sync connection that asks for one room and the state that a widget may read, for as long as its page is there.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use matrix_sdk::ruma::api::FeatureFlag;
use matrix_sdk::ruma::api::client::sync::sync_events::v5::request::RoomSubscription;
use matrix_sdk::ruma::events::StateEventType;
use matrix_sdk::sliding_sync::Version;
use matrix_sdk::{Client, HttpResult, Room, SlidingSync, SlidingSyncBuilder};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Subscribed;

/// A widget must not wait for ever: so long its handshake waits for the first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(1);
/// How long it rests after a failure, at first and at most.
const REST: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];

/// Dropping it ends the connection.
pub(super) struct Subscription {
    /// One task, which ends by itself only where the homeserver has no sliding sync.
    task: JoinSet<()>,
}

impl Subscription {
    /// Asks for `state` of `room` by a connection with this name.
    pub(super) fn start(
        room: &Room,
        state: Vec<(StateEventType, Option<String>)>,
        connection: &str,
    ) -> (Self, Subscribed) {
        let (answered, first) = oneshot::channel();
        let mut settings = RoomSubscription::default();
        settings.required_state = state
            .into_iter()
            .map(|(kind, key)| (kind, key.unwrap_or_else(|| "*".to_owned())))
            .collect();
        let mut task = JoinSet::new();
        task.spawn(follow(
            room.clone(),
            settings,
            connection.to_owned(),
            answered,
        ));
        let first = async move {
            if timeout(FIRST_ANSWER, first).await.is_err() {
                tracing::warn!(
                    "the homeserver is slow: the widget is told of the room's state later"
                );
            }
        };
        (Self { task }, Box::pin(first))
    }

    /// Waits until it turns out that the homeserver has no sliding sync.
    pub(super) async fn unavailable(&mut self) {
        match self.task.join_next().await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::error!("the subscription to the room ended: {error}"),
            None => std::future::pending().await,
        }
    }
}

async fn follow(
    room: Room,
    settings: RoomSubscription,
    connection: String,
    answered: oneshot::Sender<()>,
) {
    let mut answered = Some(answered);
    let mut rest = REST[0];
    let Some(sync) = connect(&room, &connection, &mut answered).await else {
        return;
    };
    loop {
        // Again after a failure: with the end of a session it is forgotten.
        sync.subscribe_to_rooms(&[room.room_id()], Some(settings.clone()), false);
        let mut answers = pin!(sync.sync());
        while let Some(answer) = answers.next().await {
            let answered = answered.take();
            match answer {
                Ok(_) => {
                    rest = REST[0];
                    if let Some(answered) = answered {
                        // Nobody waits where it took too long.
                        let _ = answered.send(());
                    }
                }
                Err(error) => {
                    tracing::warn!("the room's state is not told to the widget for now: {error}");
                }
            }
        }
        sleep(rest).await;
        rest = REST[1].min(rest * 2);
    }
}

/// `None` where the homeserver has no sliding sync.
async fn connect(
    room: &Room,
    connection: &str,
    answered: &mut Option<oneshot::Sender<()>>,
) -> Option<SlidingSync> {
    let client = room.client();
    let mut rest = REST[0];
    loop {
        match has_sliding_sync(&client).await {
            Ok(true) => break,
            Ok(false) => return None,
            Err(error) => {
                tracing::warn!("the homeserver does not tell whether it has sliding sync: {error}");
                answered.take();
                sleep(rest).await;
                rest = REST[1].min(rest * 2);
            }
        }
    }
    let builder: Result<SlidingSyncBuilder, _> = client.sliding_sync(connection);
    let built = match builder {
        Ok(builder) => builder.version(Version::Native).build().await,
        Err(error) => Err(error),
    };
    built
        .inspect_err(|error| tracing::error!("no sliding sync for a widget: {error}"))
        .ok()
}

/// The client's own [`sliding_sync_version`](Client::sliding_sync_version) tells nothing: it need not have asked.
async fn has_sliding_sync(client: &Client) -> HttpResult<bool> {
    let known = client.supported_versions().await?;
    if known.features.contains(&FeatureFlag::Msc4186) {
        return Ok(true);
    }
    // What the client was built with is without features, and what it remembers may be old.
    let told = client.fetch_server_versions(None).await?;
    let told = told.as_supported_versions();
    Ok(told.features.contains(&FeatureFlag::Msc4186))
}
