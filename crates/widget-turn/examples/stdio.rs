//! The smallest host: a widget's messages come in on standard input, one a line, and go out on standard output.
//!
//! ```sh
//! export HOMESERVER=https://matrix.example.org ACCESS_TOKEN=…
//! cargo run -p widget-turn --example stdio
//! {"api":"fromWidget","widgetId":"w","requestId":"1","action":"supported_api_versions","data":{}}
//! ```

use std::error::Error;

use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use widget_turn::{
    FeedConfig, HttpTurnSource, InnerHost, LayerConfig, Secret, TrustedOrigins, TurnFeed, TurnLayer,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let homeserver = std::env::var("HOMESERVER")?.parse()?;
    let source = HttpTurnSource::new(homeserver, Secret::new(std::env::var("ACCESS_TOKEN")?))?;
    let feed = TurnFeed::new(source, FeedConfig::default());

    let policy = TrustedOrigins::new(["https://widget.example"])?;
    let widget = LayerConfig::new(
        "w",
        "https://widget.example/".parse()?,
        "@alice:example.org",
    );
    let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, policy, widget);

    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => layer.send(line).await,
                None => return Ok(()),
            },
            Some(text) = layer.recv() => {
                println!("{text}");
                true
            }
        };
    }
}
