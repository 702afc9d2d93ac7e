//! The sync with the homeserver, chosen for widgets: sliding sync where there is one, which brings room state as it changes;
//! else one `/sync` right after the other.

mod recovery;
mod required_state;
mod source;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use matrix_sdk::ruma::RoomId;
use matrix_sdk::{Client, Room, RoomState};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use widget_turn_matrix_sdk::LiveState;

use super::HostError;
use crate::event::{Event, Link, Reporter};
use recovery::keep_up;
use source::{Source, sliding};

/// The sync of an account, until it is dropped.
pub(super) struct Syncing {
    source: Arc<Source>,
    /// How many syncs have come to their end.
    done: watch::Receiver<u64>,
    outage: watch::Receiver<Option<String>>,
    /// Ends with the session.
    task: JoinSet<()>,
}

impl Syncing {
    /// Begins. With a room, that room is all that is looked after; without, all rooms are.
    pub(super) async fn start(
        client: &Client,
        room: Option<&RoomId>,
        reporter: Arc<Reporter>,
    ) -> Result<Self, HostError> {
        let has_sliding = !client.available_sliding_sync_versions().await.is_empty();
        let sliding = match has_sliding {
            true => Some(
                sliding(client, room.is_none())
                    .await
                    .map_err(HostError::store)?,
            ),
            false => None,
        };
        let source = Arc::new(Source::new(client, sliding, room));
        let outage = watch::Sender::new(None);
        let mut syncing = Self {
            done: source.done.subscribe(),
            outage: outage.subscribe(),
            source: source.clone(),
            task: JoinSet::new(),
        };
        syncing.task.spawn(async move {
            let tell = |reason: Option<String>| {
                let state = match &reason {
                    Some(_) => Link::Offline,
                    None => Link::Online,
                };
                outage.send_replace(reason.clone());
                reporter.report(&Event::Sync { state, reason });
            };
            keep_up(
                async || source.once().await,
                async || source.answers().await,
                tell,
            )
            .await;
        });
        Ok(syncing)
    }

    /// Why the homeserver cannot be reached; `None` while it can.
    pub(super) fn outage(&self) -> watch::Receiver<Option<String>> {
        self.outage.clone()
    }

    /// All rooms of an account that is in any are known to the client, or those that came within the `patience`.
    pub(super) async fn all_rooms(&mut self, patience: Duration) -> Result<(), HostError> {
        let source = self.source.clone();
        let has_some = || !source.client.joined_rooms().is_empty();
        let all = async || (has_some() && source.has_all_rooms().await).then_some(());
        match self.wait_for(all, patience).await? {
            None if !has_some() => Err(self.not_sent("rooms", patience)),
            _ => Ok(()),
        }
    }

    /// The room, looked after from now on, and where its widget's news of its state come from.
    pub(super) async fn room(
        &mut self,
        id: &RoomId,
        patience: Duration,
    ) -> Result<(Room, LiveState), HostError> {
        let source = self.source.clone();
        source.room.get_or_init(|| id.to_owned());
        if let Some(sliding) = source.sliding() {
            sliding.subscribe_to_rooms(&[id], Some(required_state::some()), true);
        }
        let joined = || {
            let room = source.client.get_room(id);
            room.filter(|room| room.state() == RoomState::Joined)
        };
        let settled = async || {
            let room = joined()?;
            source
                .live_state(&room)
                .map(|live_state| (room, live_state))
        };
        match self.wait_for(settled, patience).await? {
            Some(found) => Ok(found),
            None => match joined() {
                Some(room) => Ok((room, LiveState::Subscribe)),
                None => Err(self.not_sent(id.as_str(), patience)),
            },
        }
    }

    /// Looks after each sync, from the first on. `None` where the homeserver is there, and does not bring it within the
    /// `patience`.
    async fn wait_for<T>(
        &mut self,
        look: impl AsyncFn() -> Option<T>,
        patience: Duration,
    ) -> Result<Option<T>, HostError> {
        while *self.done.borrow() == 0 {
            self.next().await?;
        }
        loop {
            let found = timeout(patience, async {
                loop {
                    self.done.mark_unchanged();
                    if let Some(found) = look().await {
                        return Ok(found);
                    }
                    self.next().await?;
                }
            });
            match found.await {
                Ok(found) => return found.map(Some),
                // It is told to be away.
                Err(_) if self.outage.borrow().is_some() => {}
                Err(_) => return Ok(None),
            }
        }
    }

    fn not_sent(&self, what: &str, patience: Duration) -> HostError {
        HostError::NotSent {
            user: self.source.client.user_id().map(ToOwned::to_owned),
            what: what.to_owned(),
            patience,
        }
    }

    /// Waits until the account is no longer in the room, or the session is over.
    pub(super) async fn left(&mut self, room: &Room) -> HostError {
        loop {
            self.done.mark_unchanged();
            if room.state() != RoomState::Joined {
                break;
            }
            if let Err(error) = self.next().await {
                return error;
            }
        }
        HostError::Left {
            user: room.own_user_id().to_owned(),
            room: room.room_id().to_owned(),
        }
    }

    /// Waits until the session is over.
    pub(super) async fn ended(&mut self) -> HostError {
        self.task.join_next().await;
        HostError::SessionOver(self.source.client.user_id().map(ToOwned::to_owned))
    }

    async fn next(&mut self) -> Result<(), HostError> {
        let mut done = self.done.clone();
        tokio::select! {
            Ok(()) = done.changed() => Ok(()),
            error = self.ended() => Err(error),
        }
    }
}
