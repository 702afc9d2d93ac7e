//! The smallest client that embeds a widget. Its standard input and output stand for the webview: one message a line.
//!
//!     embed https://matrix.example.org alice '!room:example.org' https://widget.example < messages
//!
//! The password is read from the environment variable `PASSWORD`.

use std::env;
use std::error::Error;

use matrix_sdk::config::SyncSettings;
use matrix_sdk::ruma::RoomId;
use matrix_sdk::{Client, widget::WidgetSettings};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use widget_turn::{FeedConfig, TurnFeed};
use widget_turn_matrix_sdk::{CapabilityRequest, MatrixTurnSource, TurnWidgetDriver};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [homeserver, user, room, url] = &arguments[..] else {
        return Err("expected: embed <homeserver> <user> <room id> <widget's URL>".into());
    };
    let client = Client::builder().homeserver_url(homeserver).build().await?;
    let login = client
        .matrix_auth()
        .login_username(user, &env::var("PASSWORD")?);
    login.await?;
    client.sync_once(SyncSettings::default()).await?;
    let room = client
        .get_room(&RoomId::parse(room)?)
        .ok_or("not in this room")?;

    let feed = TurnFeed::new(MatrixTurnSource::new(client.clone()), FeedConfig::default());
    let settings = WidgetSettings::new("embedded".to_owned(), true, url)?;
    let mut driver = TurnWidgetDriver::spawn(settings, room, approve_all, &feed);

    let mut from_widget = BufReader::new(stdin()).lines();
    let sync = client.sync(SyncSettings::default());
    tokio::pin!(sync);
    loop {
        tokio::select! {
            to_widget = driver.recv() => match to_widget {
                Some(text) => println!("{text}"),
                None => return Ok(()),
            },
            line = from_widget.next_line() => match line? {
                Some(text) => { driver.send(text).await; }
                None => return Ok(()),
            },
            ended = &mut sync => return Ok(ended?),
        }
    }
}

/// A real client asks the person who sits before it.
async fn approve_all(request: CapabilityRequest) -> Vec<String> {
    eprintln!("{} gets {:?}", request.origin, request.capabilities);
    request.capabilities
}
