//! Syncs with a small homeserver of the tests' own.

mod state;

use std::sync::Arc;
use std::time::Duration;

use matrix_sdk::ruma::{OwnedRoomId, RoomId};

use super::Syncing;
use super::recovery::Brought;
use super::source::{Source, sliding};
use crate::account::Account;
use crate::account::tests::homeserver::Homeserver;
use crate::account::tests::{Folder, log_in};
use crate::event::Reporter;

const LOBBY: &str = "!lobby:example.org";

fn lobby() -> OwnedRoomId {
    RoomId::parse(LOBBY).unwrap()
}

async fn account(homeserver: &Homeserver, folder: &Folder) -> Account {
    homeserver.add_room(LOBBY, &[]);
    log_in(&folder.by_password(homeserver)).await.unwrap()
}

#[tokio::test]
async fn a_room_that_never_comes_is_told_with_what_to_do() {
    for sliding in [Some(200), None] {
        let (homeserver, folder) = (Homeserver::start().await, Folder::new());
        homeserver.with(|state| (state.sliding, state.withholds) = (sliding, true));
        let account = account(&homeserver, &folder).await;
        for named in [Some(&*lobby()), None] {
            let reporter = Arc::new(Reporter::to_nobody());
            let syncing = Syncing::start(account.client(), named, reporter).await;
            let (mut syncing, patience) = (syncing.unwrap(), Duration::from_millis(500));
            let error = match named {
                Some(room) => syncing.room(room, patience).await.map(|_| ()),
                None => syncing.all_rooms(patience).await,
            };
            let said = error.unwrap_err().to_string();
            assert!(said.contains("@alice:example.org is in"), "{said}");
            assert!(said.contains("widget-turn logout"), "{said}");
        }
    }
}

#[tokio::test]
async fn what_a_sync_brought_is_seen() {
    for has_sliding in [true, false] {
        let (homeserver, folder) = (Homeserver::start().await, Folder::new());
        let account = account(&homeserver, &folder).await;
        let client = account.client();
        let sliding = match has_sliding {
            true => Some(sliding(client, false).await.unwrap()),
            false => None,
        };
        let source = Source::new(client, sliding, Some(&lobby()));
        assert_eq!(source.once().await.unwrap(), Brought::News, "the room");
        assert_eq!(source.once().await.unwrap(), Brought::Nothing);
        homeserver.with(|state| state.has_messages = true);
        assert_eq!(
            source.once().await.unwrap(),
            Brought::News,
            "a message, sliding: {has_sliding}"
        );
        homeserver.with(|state| state.has_messages = false);
        assert_eq!(source.once().await.unwrap(), Brought::Nothing);
    }
}
