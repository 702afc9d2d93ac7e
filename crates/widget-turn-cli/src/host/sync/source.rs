//! One sync after the other: a sliding one where the homeserver has it for the account, else `/sync`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::StreamExt as _;
use matrix_sdk::config::{RequestConfig, SyncSettings};
use matrix_sdk::ruma::api::client::discovery::get_supported_versions;
use matrix_sdk::ruma::api::client::filter::{FilterDefinition, LazyLoadOptions};
use matrix_sdk::ruma::api::client::sync::sync_events::v3::Filter;
use matrix_sdk::ruma::api::client::sync::sync_events::v5::request::{AccountData, E2EE, ToDevice};
use matrix_sdk::ruma::api::error::ErrorKind;
use matrix_sdk::ruma::events::AnyToDeviceEvent;
use matrix_sdk::ruma::serde::Raw;
use matrix_sdk::ruma::{OwnedRoomId, RoomId};
use matrix_sdk::{
    Client, Error, Room, SlidingSync, SlidingSyncList, SlidingSyncListLoadingState, SlidingSyncMode,
};
use tokio::sync::watch;
use widget_turn_matrix_sdk::LiveState;

use super::recovery::{Brought, Trouble};
use super::required_state;
use crate::account::{is_session_over, limited, said};

/// The name of the connection, which the homeserver tells from others of the same device.
const CONNECTION: &str = "widget-turn";
const LIST: &str = "rooms";
/// Rooms at a time.
const BATCH: u32 = 100;
/// How long the homeserver waits for news.
const POLL: Duration = Duration::from_secs(30);
/// How long it may take to answer, beyond that.
const PATIENCE: Duration = Duration::from_secs(15);
/// For the question whether it answers at all.
const PROBE: Duration = Duration::from_secs(10);

/// Where an account's news come from.
pub(super) struct Source {
    pub(super) client: Client,
    pub(super) sliding: Option<SlidingSync>,
    /// The widget's, once it is known.
    pub(super) room: OnceLock<OwnedRoomId>,
    /// All of that room's state is asked for.
    asks_all: AtomicBool,
    /// It has been brought, and changes are from now on.
    has_all: AtomicBool,
    /// The homeserver has it, and not for this account.
    refused: AtomicBool,
    /// The next `/sync` is not to wait for news.
    at_once: AtomicBool,
    /// Devices have sent messages since the last sync. Sliding sync does not say so itself.
    messages: Arc<AtomicBool>,
    pub(super) done: watch::Sender<u64>,
}

pub(super) async fn sliding(client: &Client, all_rooms: bool) -> Result<SlidingSync, Error> {
    let (mut e2ee, mut to_device) = (E2EE::default(), ToDevice::default());
    let mut account_data = AccountData::default();
    e2ee.enabled = Some(true);
    to_device.enabled = Some(true);
    account_data.enabled = Some(true);
    let mut builder = client
        .sliding_sync(CONNECTION)?
        .poll_timeout(POLL)
        .network_timeout(PATIENCE)
        .with_e2ee_extension(e2ee)
        .with_to_device_extension(to_device)
        .with_account_data_extension(account_data);
    if all_rooms {
        let list = SlidingSyncList::builder(LIST)
            .sync_mode(SlidingSyncMode::new_growing(BATCH))
            .timeline_limit(1)
            .required_state(required_state::of_any());
        builder = builder.add_list(list);
    }
    builder.build().await
}

impl Source {
    pub(super) fn new(
        client: &Client,
        sliding: Option<SlidingSync>,
        room: Option<&RoomId>,
    ) -> Self {
        let messages = Arc::new(AtomicBool::new(false));
        let heard = messages.clone();
        client.add_event_handler(move |_: Raw<AnyToDeviceEvent>| {
            heard.store(true, Ordering::Relaxed);
            std::future::ready(())
        });
        Self {
            client: client.clone(),
            sliding,
            room: room
                .map(|room| OnceLock::from(room.to_owned()))
                .unwrap_or_default(),
            asks_all: AtomicBool::new(false),
            has_all: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            at_once: AtomicBool::new(true),
            messages,
            done: watch::Sender::new(0),
        }
    }

    pub(super) async fn once(&self) -> Result<Brought, Trouble> {
        let synced = match self.sliding() {
            Some(sliding) => {
                self.subscribe(sliding);
                let synced = std::pin::pin!(sliding.sync()).next().await;
                synced.map_or(Ok(false), |synced| {
                    synced.map(|news| !news.rooms.is_empty())
                })
            }
            None => self.sync_v2().await,
        };
        let messages = self.messages.swap(false, Ordering::Relaxed);
        match synced {
            Ok(news) => {
                self.at_once.store(false, Ordering::Relaxed);
                let asked = self.asks_all.load(Ordering::Relaxed);
                self.has_all.store(asked, Ordering::Relaxed);
                self.done.send_modify(|done| *done += 1);
                match news || messages {
                    true => Ok(Brought::News),
                    false => Ok(Brought::Nothing),
                }
            }
            Err(error) => {
                self.at_once.store(true, Ordering::Relaxed);
                Err(self.trouble(&error))
            }
        }
    }

    /// The sliding sync, unless it is refused.
    pub(super) fn sliding(&self) -> Option<&SlidingSync> {
        let refused = self.refused.load(Ordering::Relaxed);
        self.sliding.as_ref().filter(|_| !refused)
    }

    /// Has the next answer bring the widget's room. Asked for before each: with the end of a session it is forgotten.
    fn subscribe(&self, sliding: &SlidingSync) {
        let Some(id) = self.room.get() else { return };
        let room = self.client.get_room(id);
        let asks_all = self.asks_all.load(Ordering::Relaxed);
        if asks_all {
            sliding.subscribe_to_rooms(&[id], Some(required_state::all()), false);
        } else if *self.done.borrow() > 0
            && room.is_some_and(|room| required_state::is_small(&room))
        {
            self.asks_all.store(true, Ordering::Relaxed);
            sliding.clear_and_subscribe_to_rooms(&[id], Some(required_state::all()), false);
        } else {
            sliding.subscribe_to_rooms(&[id], Some(required_state::some()), false);
        }
    }

    /// Where a widget's news of the room's state come from; `None` as long as that is not settled.
    pub(super) fn live_state(&self, room: &Room) -> Option<LiveState> {
        if self.has_all.load(Ordering::Relaxed) {
            return Some(LiveState::FromSync);
        }
        let may_have_all = self.sliding().is_some() && required_state::is_small(room);
        (!may_have_all).then_some(LiveState::Subscribe)
    }

    /// Whether it brought any news.
    async fn sync_v2(&self) -> Result<bool, Error> {
        let mut filter = FilterDefinition::default();
        filter.room.state.lazy_load_options = LazyLoadOptions::Enabled {
            include_redundant_members: false,
        };
        let wait = match self.at_once.load(Ordering::Relaxed) {
            true => Duration::ZERO,
            false => POLL,
        };
        let settings = SyncSettings::new()
            .filter(Filter::FilterDefinition(filter))
            .timeout(wait);
        let news = self.client.sync_once(settings).await?;
        Ok(!news.rooms.is_empty() || !news.account_data.is_empty() || !news.presence.is_empty())
    }

    fn trouble(&self, error: &Error) -> Trouble {
        let Error::Http(error) = error else {
            return Trouble::Lost {
                reason: error.to_string(),
                retry_after: None,
            };
        };
        if is_session_over(error) {
            return Trouble::Over;
        }
        if let Some(ErrorKind::UnknownPos) = error.client_api_error_kind() {
            return Trouble::Again;
        }
        let retry_after = limited(error);
        let status = error.as_client_api_error().map(|error| error.status_code);
        let is_refused = status.is_some_and(|status| status.is_client_error());
        let first = *self.done.borrow() == 0 && retry_after.is_none();
        // Guests, say, may be given `/sync` and nothing newer.
        if is_refused
            && first
            && self.sliding.is_some()
            && !self.refused.swap(true, Ordering::Relaxed)
        {
            tracing::info!("no sliding sync for this account: {}", said(error));
            return Trouble::Again;
        }
        Trouble::Lost {
            reason: said(error),
            retry_after: retry_after.flatten(),
        }
    }

    /// Whether the homeserver answers at all.
    pub(super) async fn answers(&self) -> bool {
        let config = RequestConfig::new()
            .disable_retry()
            .skip_auth()
            .timeout(PROBE);
        let request = get_supported_versions::Request::new();
        let asked = self.client.send(request).with_request_config(config).await;
        asked.is_ok()
    }

    pub(super) async fn has_all_rooms(&self) -> bool {
        match self.sliding() {
            Some(sliding) => {
                let loaded = sliding.on_list(LIST, |list| {
                    let loaded = list.state() == SlidingSyncListLoadingState::FullyLoaded;
                    std::future::ready(loaded)
                });
                loaded.await.unwrap_or(true)
            }
            None => true,
        }
    }
}
