//! The room: found by its id or alias, or chosen among those that the account is in.

use std::collections::BTreeSet;

use matrix_sdk::ruma::api::client::membership::joined_rooms;
use matrix_sdk::ruma::{OwnedRoomId, RoomAliasId, RoomId, RoomOrAliasId, UserId};
use matrix_sdk::{Client, Room};

use super::HostError;
use crate::account::Fault;
use crate::event::RoomRow;

/// The rooms that the account is in, by the homeserver's word.
pub(super) async fn joined(client: &Client) -> Result<BTreeSet<OwnedRoomId>, HostError> {
    let response = client.send(joined_rooms::v3::Request::new()).await;
    let response = response.map_err(|error| Fault::of(&client.homeserver(), &error))?;
    Ok(response.joined_rooms.into_iter().collect())
}

/// The room that was named, if the account is in it.
pub(super) async fn find(
    client: &Client,
    user: &UserId,
    name: &RoomOrAliasId,
    joined: &BTreeSet<OwnedRoomId>,
) -> Result<OwnedRoomId, HostError> {
    let (id, named) = match <&RoomAliasId>::try_from(name) {
        Ok(alias) => {
            let id = resolve(client, alias).await?;
            let named = format!("{alias} ({id})");
            (id, named)
        }
        Err(_) => {
            let id = RoomId::parse(name.as_str()).expect("what is no alias is an id");
            (id.clone(), id.to_string())
        }
    };
    if joined.contains(&id) {
        return Ok(id);
    }
    Err(HostError::NotJoined {
        user: user.to_owned(),
        room: named,
        known: name.is_room_alias_id(),
    })
}

async fn resolve(client: &Client, alias: &RoomAliasId) -> Result<OwnedRoomId, HostError> {
    match client.resolve_room_alias(alias).await {
        Ok(found) => Ok(found.room_id),
        Err(error) => {
            let status = error.as_client_api_error().map(|error| error.status_code);
            match status.map(|status| status.as_u16()) {
                Some(404 | 400) => Err(HostError::NoSuchRoom(alias.to_owned())),
                _ => Err(Fault::of(&client.homeserver(), &error).into()),
            }
        }
    }
}

/// The rooms to choose from, by name.
pub(super) async fn rows(client: &Client) -> Vec<RoomRow> {
    let mut rows = Vec::new();
    for room in client.joined_rooms() {
        rows.push(RoomRow {
            id: room.room_id().to_string(),
            name: name(&room).await,
            alias: room.canonical_alias().map(|alias| alias.to_string()),
        });
    }
    rows.sort_by_cached_key(|row| (row.name.to_lowercase(), row.id.clone()));
    rows
}

/// As clients show it.
pub(super) async fn name(room: &Room) -> String {
    match room.display_name().await {
        Ok(name) => name.to_string(),
        Err(_) => room.room_id().to_string(),
    }
}
