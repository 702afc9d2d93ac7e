//! The smallest client that embeds a widget. Its standard input and output stand for the webview: one message a line.
//!
//!     embed https://matrix.example.org alice '!room:example.org' https://widget.example < messages
//!
//! The password is read from the environment variable `PASSWORD`.
use std::{env, error::Error, pin::pin};

use matrix_sdk::config::SyncSettings;
use matrix_sdk::{Client, ruma::RoomId, widget::WidgetSettings};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use widget_turn::{FeedConfig, TurnFeed};
use widget_turn_matrix_sdk::{CapabilityRequest, DriverConfig, LiveState};
use widget_turn_matrix_sdk::{MatrixTurnSource, TurnWidgetDriver};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [homeserver, user, room, url] = &arguments[..] else {
        return Err("expected: embed <homeserver> <user> <room id> <widget's URL>".into());
    };
    let client = Client::builder().homeserver_url(homeserver).build().await?;
    let password = env::var("PASSWORD")?;
    client.matrix_auth().login_username(user, &password).await?;
    client.sync_once(SyncSettings::default()).await?;
    let room = client.get_room(&RoomId::parse(room)?);
    let room = room.ok_or("not in this room")?;
    let feed = TurnFeed::new(MatrixTurnSource::new(client.clone()), FeedConfig::default());
    let settings = WidgetSettings::new("embedded".to_owned(), true, url)?;
    let mut config = DriverConfig::default();
    config.live_state = LiveState::Subscribe;
    let mut driver = TurnWidgetDriver::spawn_with(settings, room, approve_all, &feed, config);

    let (mut from_widget, mut sync) = (BufReader::new(stdin()).lines(), pin!(sync(client)));
    loop {
        tokio::select! {
            Some(text) = driver.recv() => println!("{text}"),
            line = from_widget.next_line() => match line? {
                Some(text) => { driver.send(text).await; }
                None => return Ok(()),
            },
            error = &mut sync => return Err(error.into()),
        }
    }
}

/// `Client::sync` would wait a second between two syncs that are quick.
async fn sync(client: Client) -> matrix_sdk::Error {
    loop {
        if let Err(error) = client.sync_once(SyncSettings::default()).await {
            return error;
        }
    }
}

/// A real client asks the person who sits before it.
async fn approve_all(request: CapabilityRequest) -> Vec<String> {
    eprintln!("{} gets {:?}", request.origin, request.capabilities);
    request.capabilities
}
