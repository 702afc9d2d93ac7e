//! `widget-turn host`: any widget in a room of an account, on any homeserver.
//!
//! [`account`] logs in, [`sync`] keeps up with the homeserver, [`room`] and [`widget`] find what was named or
//! list what there is, [`template`] fills in the widget's URL. Behind each tab of the page stands matrix-sdk's driver.

mod label;
mod room;
mod sync;
mod template;
pub(crate) mod widget;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use matrix_sdk::ruma::{OwnedRoomAliasId, OwnedRoomId, OwnedUserId};
use matrix_sdk::widget::WidgetSettings;
use matrix_sdk::{Client, Room};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use url::Url;
use widget_turn::{FeedConfig, Grants, TrustedOrigins, TurnFeed};
use widget_turn_matrix_sdk::{LiveState, MatrixTurnSource};

use crate::account::{self, Account, AccountError, Fault, is_loopback};
use crate::arguments;
use crate::browser;
use crate::event::{Event, Reporter};
use crate::observed::Observed;
use crate::page::{PageConfig, PageRoom, PageServer};
use crate::session;
use crate::terminal::{self, Progress, escaped};
use label::label;
use sync::Syncing;
use widget::{Named, NoPage, Widget};

/// The least time between two fetches of TURN credentials on a homeserver of this machine, which may be there for tests, with
/// credentials that live for seconds.
const LOCAL_INTERVAL: Duration = Duration::from_secs(1);

/// How long rooms may take to come once the homeserver answers.
const ARRIVAL: Duration = Duration::from_secs(30);

/// Why there is no widget to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostError {
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Homeserver(#[from] Fault),
    #[error(
        "there is no room {0}: look at its spelling, or list your rooms by leaving --room away"
    )]
    NoSuchRoom(OwnedRoomAliasId),
    #[error(
        "{user} is not in {room}{or}: join it with your client first, or list your rooms by leaving --room away",
        or = if *.known { "" } else { ", or there is no such room" }
    )]
    NotJoined {
        user: OwnedUserId,
        room: String,
        known: bool,
    },
    #[error(
        "by the homeserver's word {} is in {what}, and no sync has brought anything of it within {} s: try again, or leave the \
         room and join it anew with your client; if neither helps, begin a new session after `widget-turn logout`",
        user.as_ref().map_or("the user", |user| user.as_str()), patience.as_secs_f64()
    )]
    NotSent {
        user: Option<OwnedUserId>,
        what: String,
        patience: Duration,
    },
    #[error("{0} is in no room: join one with your client first")]
    NoRooms(OwnedUserId),
    #[error("say which room by --room, by its id or alias")]
    WhichRoom,
    #[error("{room} has no widget {id}{}", has(.there))]
    NoSuchWidget {
        room: OwnedRoomId,
        id: String,
        there: Vec<String>,
    },
    #[error("{0} has no widgets: give the URL of one by --widget")]
    NoWidgets(OwnedRoomId),
    #[error("say which widget by --widget, by its id; or give the URL of another one")]
    WhichWidget,
    #[error("the widget {} cannot be shown: {why}", escaped(.id))]
    WidgetUrl { id: String, why: NoPage },
    #[error("{}", match .0 {
        Some(user) => AccountError::SessionOver(user.clone()).to_string(),
        None => "the session is over".to_owned(),
    })]
    SessionOver(Option<OwnedUserId>),
    #[error(
        "{user} is no longer in {room}: the widget ended with that. Join the room again with your client, and start anew"
    )]
    Left {
        user: OwnedUserId,
        room: OwnedRoomId,
    },
    #[error("the store of the session cannot be used: {0}")]
    Store(Box<matrix_sdk::Error>),
    #[error("nothing was chosen: {0}")]
    Terminal(std::io::Error),
    #[error(transparent)]
    Page(#[from] crate::page::PageError),
    #[error(transparent)]
    TrustedOrigin(#[from] widget_turn::TrustedOriginError),
    #[error(transparent)]
    Grants(#[from] widget_turn::GrantsError),
}

impl HostError {
    fn store(error: impl Into<matrix_sdk::Error>) -> Self {
        Self::Store(Box::new(error.into()))
    }
}

/// Runs until it is dropped, or the session is over; everything it starts ends with it.
pub(crate) async fn run(arguments: arguments::Host, grants: PathBuf) -> Result<(), HostError> {
    let reporter = Arc::new(Reporter::new(arguments.json));
    let _last_words = reporter.last_words();
    let trusted = TrustedOrigins::new(&arguments.trust_origin)?;
    let grants = Grants::open(grants)?;
    let page = PageServer::bind(arguments.listen).await?;
    let progress = Progress::on_a_terminal();
    let found = find(&arguments, &reporter, &progress).await;
    progress.clear();
    let Found {
        account,
        mut syncing,
        room,
        live_state,
        widget,
        url,
    } = found?;
    let client = account.client();

    let source = Observed::new(MatrixTurnSource::new(client.clone()), reporter.clone());
    let fetches = source.last();
    let feed = TurnFeed::new(source, feed_config(&client.homeserver()));
    let settings = WidgetSettings::new(widget.id.clone(), widget.on_content_load, url.as_str())
        .expect("a URL was parsed before");
    let config = PageConfig {
        widget_name: label(&widget.name),
        widget_url: url.clone(),
        widget_id: widget.id,
        account: account.user().to_string(),
        room: Some(PageRoom {
            id: room.room_id().to_string(),
            name: label(&room::name(&room).await),
        }),
    };
    let shared = Arc::new(session::Shared {
        feed: feed.clone(),
        host: session::Host::Room {
            settings,
            room: room.clone(),
            live_state,
        },
        trusted,
        grants,
        fetches,
        outage: syncing.outage(),
        reporter: reporter.clone(),
    });
    let (page_url, ticket_url) = (page.url(), page.ticket_url());
    let (sessions, mut tabs) = mpsc::channel(1);
    let mut tasks = JoinSet::new();
    tasks.spawn(page.serve(config, sessions)?);
    reporter.report(&Event::Listening {
        url: page_url.to_string(),
        widget: url.to_string(),
        room: Some(room.room_id().to_string()),
        account: Some(account.user().to_string()),
        turn: Vec::new(),
    });
    if !arguments.no_open {
        browser::open(ticket_url, &reporter);
    }

    let mut number = 0;
    let mut outage = syncing.outage();
    loop {
        tokio::select! {
            tab = tabs.recv() => {
                let Some(tab) = tab else { return Ok(()) };
                number += 1;
                tasks.spawn(session::run(tab, number, shared.clone()));
                // What has ended is not kept.
                while tasks.try_join_next().is_some() {}
            }
            Ok(()) = outage.changed() => {
                if outage.borrow_and_update().is_none() {
                    // What failed meanwhile need not wait out its pause.
                    feed.wake();
                }
            }
            error = syncing.left(&room) => {
                feed.sign_out();
                return Err(error);
            }
        }
    }
}

/// All that a widget needs.
struct Found {
    account: Account,
    syncing: Syncing,
    room: Room,
    live_state: LiveState,
    widget: Widget,
    url: Url,
}

async fn find(
    arguments: &arguments::Host,
    reporter: &Arc<Reporter>,
    progress: &Progress,
) -> Result<Found, HostError> {
    let account = account::log_in(&arguments.login, !arguments.no_open, progress).await?;
    let client = account.client();
    progress.show(account.user().as_str(), "looking for the room");
    let joined = room::joined(client).await?;
    let named = match &arguments.room {
        Some(name) => Some(room::find(client, account.user(), name, &joined).await?),
        None if joined.is_empty() => return Err(HostError::NoRooms(account.user().to_owned())),
        None => None,
    };
    progress.show(account.user().as_str(), "the first sync");
    let mut syncing = Syncing::start(client, named.as_deref(), reporter.clone()).await?;
    let room_id = match named {
        Some(id) => id,
        None => {
            syncing.all_rooms(ARRIVAL).await?;
            progress.clear();
            choose_room(client, arguments.json, reporter).await?
        }
    };
    progress.show(room_id.as_str(), "its state");
    let (room, live_state) = syncing.room(&room_id, ARRIVAL).await?;
    let widget = match &arguments.widget {
        Some(Named::Url(url)) => Widget::of_url(url),
        named => {
            let widgets = widget::of_room(&room).await?;
            progress.clear();
            match named {
                Some(Named::Id(id)) => by_id(widgets, id, room_id)?,
                _ => choose_widget(widgets, room_id, arguments.json, reporter).await?,
            }
        }
    };
    progress.show(&widget.name, "its URL");
    let facts = widget::facts(&room, &widget, &arguments.theme, &arguments.language).await;
    let url = widget.url(&facts)?;
    Ok(Found {
        account,
        syncing,
        room,
        live_state,
        widget,
        url,
    })
}

async fn choose_room(
    client: &Client,
    json: bool,
    reporter: &Reporter,
) -> Result<OwnedRoomId, HostError> {
    let mut rooms = room::rows(client).await;
    if json || !terminal::is_interactive() {
        reporter.report(&Event::Rooms { rooms });
        return Err(HostError::WhichRoom);
    }
    let lines = rooms.iter().map(|room| {
        let alias = room.alias.as_deref().unwrap_or_default();
        format!("{}  {}  {alias}", room.name, room.id)
    });
    let chosen = terminal::choose("Room", lines).await;
    let room = rooms.swap_remove(chosen.map_err(HostError::Terminal)?);
    Ok(OwnedRoomId::try_from(room.id).expect("it was one"))
}

fn by_id(widgets: Vec<Widget>, id: &str, room: OwnedRoomId) -> Result<Widget, HostError> {
    let there = widgets.iter().map(|widget| widget.id.clone()).collect();
    let found = widgets.into_iter().find(|widget| widget.id == id);
    found.ok_or_else(|| HostError::NoSuchWidget {
        room,
        id: id.to_owned(),
        there,
    })
}

async fn choose_widget(
    mut widgets: Vec<Widget>,
    room: OwnedRoomId,
    json: bool,
    reporter: &Reporter,
) -> Result<Widget, HostError> {
    if widgets.is_empty() {
        return Err(HostError::NoWidgets(room));
    }
    if json || !terminal::is_interactive() {
        let widgets = widgets.iter().map(Widget::row).collect();
        reporter.report(&Event::Widgets { widgets });
        return Err(HostError::WhichWidget);
    }
    let lines = widgets
        .iter()
        .map(|widget| format!("{}  {}  {}", widget.name, widget.id, widget.template));
    let chosen = terminal::choose("Widget", lines).await;
    Ok(widgets.swap_remove(chosen.map_err(HostError::Terminal)?))
}

/// How long credentials live is not known before they are there. Elsewhere than on this machine the default holds, which asks
/// no homeserver too often.
fn feed_config(homeserver: &Url) -> FeedConfig {
    let config = FeedConfig::default();
    match is_loopback(homeserver) {
        true => FeedConfig {
            min_interval: LOCAL_INTERVAL,
            ..config
        },
        false => config,
    }
}

fn has(there: &[String]) -> String {
    match there {
        [] => ", nor any other: give the URL of one".to_owned(),
        there => format!(": it has {}", escaped(&there.join(", "))),
    }
}

#[cfg(test)]
mod tests;
