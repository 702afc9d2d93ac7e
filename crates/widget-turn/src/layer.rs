//! The layer of one widget, running.

mod driver;
mod status;

use std::collections::VecDeque;
use std::fmt;

use tokio::sync::{mpsc, watch};
use widget_turn_proto::OutagePolicy;

use crate::feed::TurnFeed;
use crate::host::InnerHost;
use crate::permission::PermissionPolicy;
use crate::request::Origin;
use crate::runtime::spawn;
use driver::{Driver, FromWidget};
pub use status::LayerStatus;

/// Messages that wait on each of the layer's channels before whoever sends has to wait.
pub(crate) const CAPACITY: usize = 64;

/// Which widget a layer is for.
///
/// ```
/// use widget_turn::LayerConfig;
///
/// let origin = "https://widget.example/index.html".parse()?;
/// let mut config = LayerConfig::new("widget-1", origin, "@alice:example.org");
/// config.room = Some("!room:example.org".into());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerConfig {
    /// The widget's id, which its messages carry.
    pub widget_id: String,
    /// The origin of the page that is really shown (rule P1), not of what the widget says of itself.
    pub origin: Origin,
    /// Whose TURN credentials the widget would get.
    pub account: String,
    /// The room that the widget is in, if it is in one.
    pub room: Option<String>,
    /// What the widget hears when its credentials have expired and there are no others (rule W9).
    pub outage: OutagePolicy,
}

impl LayerConfig {
    /// A widget in no room, that hears nothing of outages.
    ///
    /// ```
    /// # use widget_turn::LayerConfig;
    /// let config = LayerConfig::new("w", "https://widget.example/".parse()?, "@alice:example.org");
    /// assert_eq!(config.room, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(widget_id: impl Into<String>, origin: Origin, account: impl Into<String>) -> Self {
        Self {
            widget_id: widget_id.into(),
            origin,
            account: account.into(),
            room: None,
            outage: OutagePolicy::default(),
        }
    }
}

/// The layer of one widget, running: send it what the widget says, and give the widget what comes out.
///
/// Dropping it (or, after [`split`](Self::split), either half) ends the layer, its watch and everything it started.
///
/// ```
/// use widget_turn::{Deny, FeedConfig, InnerHost, LayerConfig, TurnFeed, TurnLayer};
/// # use widget_turn::{Fetched, NoTurn, TurnSource};
/// # struct NoTurnHere;
/// # impl TurnSource for NoTurnHere {
/// #     async fn fetch(&self) -> Fetched { Fetched::NoTurn(NoTurn::EmptyObject) }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let source = NoTurnHere;
///
/// let feed = TurnFeed::new(source, FeedConfig::default());
/// let config = LayerConfig::new("w", "https://widget.example/".parse()?, "@alice:example.org");
/// let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, Deny, config);
///
/// let question = r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"supported_api_versions","data":{}}"#;
/// layer.send(question.into()).await;
/// let reply = layer.recv().await.expect("the layer runs");
/// assert!(reply.contains("town.robin.msc3846"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TurnLayer {
    sender: WidgetSender,
    receiver: WidgetReceiver,
    status: watch::Receiver<LayerStatus>,
}

impl TurnLayer {
    /// Starts a layer between a widget and `host`, supplied by `feed`, granted by `policy`.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, except in the browser, which needs none.
    ///
    /// ```
    /// # use widget_turn::{Deny, FeedConfig, Fetched, InnerHost, LayerConfig, NoTurn, TurnFeed, TurnLayer, TurnSource};
    /// # struct NoTurnHere;
    /// # impl TurnSource for NoTurnHere {
    /// #     async fn fetch(&self) -> Fetched { Fetched::NoTurn(NoTurn::EmptyObject) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let feed = TurnFeed::new(NoTurnHere, FeedConfig::default());
    /// let config = LayerConfig::new("w", "https://widget.example/".parse()?, "@alice:example.org");
    /// let layer = TurnLayer::spawn(InnerHost::handshake(), &feed, Deny, config);
    /// drop(layer); // and its task ends
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn(
        host: InnerHost,
        feed: &TurnFeed,
        policy: impl PermissionPolicy,
        config: LayerConfig,
    ) -> Self {
        let (to_layer, from_widget) = mpsc::channel(CAPACITY);
        let (to_widget, from_layer) = mpsc::channel(CAPACITY);
        let (told, status) = watch::channel(LayerStatus::default());
        let driver = Driver::new(host, feed.clone(), policy, config, told);
        spawn(driver.run(from_widget, to_widget));
        Self {
            sender: WidgetSender(to_layer),
            receiver: WidgetReceiver {
                from_layer,
                early: VecDeque::new(),
            },
            status,
        }
    }

    /// Takes what the widget said. `false` once the layer has ended.
    ///
    /// ```
    /// # use widget_turn::{Deny, FeedConfig, Fetched, InnerHost, LayerConfig, NoTurn, TurnFeed, TurnLayer, TurnSource};
    /// # struct NoTurnHere;
    /// # impl TurnSource for NoTurnHere {
    /// #     async fn fetch(&self) -> Fetched { Fetched::NoTurn(NoTurn::EmptyObject) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let feed = TurnFeed::new(NoTurnHere, FeedConfig::default());
    /// # let config = LayerConfig::new("w", "https://widget.example/".parse()?, "@alice:example.org");
    /// # let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, Deny, config);
    /// assert!(layer.send("nonsense is dropped, with a log line".into()).await);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send(&mut self, text: String) -> bool {
        self.hand_in(FromWidget::Message(text)).await
    }

    /// Tells that the widget's frame has loaded a page (an iframe's `load` event, a webview's "page finished"). It starts
    /// the handshake with pages that do not announce themselves, and the second time it is a reload (rule H6). `false` once
    /// the layer has ended.
    ///
    /// ```
    /// # use widget_turn::{Deny, FeedConfig, Fetched, InnerHost, LayerConfig, NoTurn, TurnFeed, TurnLayer, TurnSource};
    /// # struct NoTurnHere;
    /// # impl TurnSource for NoTurnHere {
    /// #     async fn fetch(&self) -> Fetched { Fetched::NoTurn(NoTurn::EmptyObject) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let feed = TurnFeed::new(NoTurnHere, FeedConfig::default());
    /// # let config = LayerConfig::new("w", "https://widget.example/".parse()?, "@alice:example.org");
    /// # let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, Deny, config);
    /// layer.page_loaded().await;
    /// assert!(layer.recv().await.is_some_and(|question| question.contains(r#""action":"capabilities""#)));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn page_loaded(&mut self) -> bool {
        self.hand_in(FromWidget::PageLoad).await
    }

    /// What the widget is to be told next, each as a message event of its own (rule W2). `None` once the layer has ended.
    ///
    /// ```
    /// # use widget_turn::{Deny, FeedConfig, Fetched, InnerHost, LayerConfig, NoTurn, TurnFeed, TurnLayer, TurnSource};
    /// # struct NoTurnHere;
    /// # impl TurnSource for NoTurnHere {
    /// #     async fn fetch(&self) -> Fetched { Fetched::NoTurn(NoTurn::EmptyObject) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let feed = TurnFeed::new(NoTurnHere, FeedConfig::default());
    /// # let config = LayerConfig::new("w", "https://widget.example/".parse()?, "@alice:example.org");
    /// # let (host, host_end) = InnerHost::channels();
    /// # let mut layer = TurnLayer::spawn(host, &feed, Deny, config);
    /// drop(host_end);
    /// assert_eq!(layer.recv().await, None);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv(&mut self) -> Option<String> {
        self.receiver.recv().await
    }

    /// How far the widget is with its credentials, as it changes: for a settings screen. It ends with the layer.
    ///
    /// ```
    /// # use widget_turn::{Deny, FeedConfig, Fetched, InnerHost, LayerConfig, LayerStatus, NoTurn, TurnFeed, TurnLayer, TurnSource};
    /// # struct NoTurnHere;
    /// # impl TurnSource for NoTurnHere {
    /// #     async fn fetch(&self) -> Fetched { Fetched::NoTurn(NoTurn::EmptyObject) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let feed = TurnFeed::new(NoTurnHere, FeedConfig::default());
    /// # let config = LayerConfig::new("w", "https://widget.example/".parse()?, "@alice:example.org");
    /// let layer = TurnLayer::spawn(InnerHost::handshake(), &feed, Deny, config);
    /// let mut status = layer.status();
    /// assert_eq!(*status.borrow(), LayerStatus::NotAsked);
    /// drop(layer);
    /// assert!(status.changed().await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn status(&self) -> watch::Receiver<LayerStatus> {
        self.status.clone()
    }

    /// The two halves, for two tasks. Each must be served while the other waits: a widget that does not read is not
    /// listened to either.
    ///
    /// ```
    /// # use widget_turn::{Deny, FeedConfig, Fetched, InnerHost, LayerConfig, NoTurn, TurnFeed, TurnLayer, TurnSource};
    /// # struct NoTurnHere;
    /// # impl TurnSource for NoTurnHere {
    /// #     async fn fetch(&self) -> Fetched { Fetched::NoTurn(NoTurn::EmptyObject) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let feed = TurnFeed::new(NoTurnHere, FeedConfig::default());
    /// # let config = LayerConfig::new("w", "https://widget.example/".parse()?, "@alice:example.org");
    /// # let layer = TurnLayer::spawn(InnerHost::handshake(), &feed, Deny, config);
    /// let (sender, mut receiver) = layer.split();
    /// sender.page_loaded().await;
    /// assert!(receiver.recv().await.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn split(self) -> (WidgetSender, WidgetReceiver) {
        (self.sender, self.receiver)
    }

    async fn hand_in(&mut self, input: FromWidget) -> bool {
        loop {
            tokio::select! {
                permit = self.sender.0.reserve() => {
                    let Ok(permit) = permit else { return false };
                    permit.send(input);
                    return true;
                }
                // The layer does not listen while its own words wait; whoever uses both ends in turn must not wait for ever.
                Some(text) = self.receiver.from_layer.recv() => self.receiver.early.push_back(text),
            }
        }
    }
}

/// The half of a [`TurnLayer`] that takes what the widget says; see [`TurnLayer::split`].
///
/// ```
/// # use widget_turn::{Deny, FeedConfig, Fetched, InnerHost, LayerConfig, NoTurn, TurnFeed, TurnLayer, TurnSource};
/// # struct NoTurnHere;
/// # impl TurnSource for NoTurnHere {
/// #     async fn fetch(&self) -> Fetched { Fetched::NoTurn(NoTurn::EmptyObject) }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let feed = TurnFeed::new(NoTurnHere, FeedConfig::default());
/// # let config = LayerConfig::new("w", "https://widget.example/".parse()?, "@alice:example.org");
/// # let layer = TurnLayer::spawn(InnerHost::handshake(), &feed, Deny, config);
/// let (sender, receiver) = layer.split();
/// assert!(sender.clone().send("nonsense".into()).await);
/// # drop(receiver);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WidgetSender(mpsc::Sender<FromWidget>);

impl WidgetSender {
    /// As [`TurnLayer::send`].
    pub async fn send(&self, text: String) -> bool {
        self.0.send(FromWidget::Message(text)).await.is_ok()
    }

    /// As [`TurnLayer::page_loaded`].
    pub async fn page_loaded(&self) -> bool {
        self.0.send(FromWidget::PageLoad).await.is_ok()
    }
}

/// The half of a [`TurnLayer`] that gives what the widget is to be told; see [`TurnLayer::split`].
///
/// ```
/// # use widget_turn::{Deny, FeedConfig, Fetched, InnerHost, LayerConfig, NoTurn, TurnFeed, TurnLayer, TurnSource};
/// # struct NoTurnHere;
/// # impl TurnSource for NoTurnHere {
/// #     async fn fetch(&self) -> Fetched { Fetched::NoTurn(NoTurn::EmptyObject) }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let feed = TurnFeed::new(NoTurnHere, FeedConfig::default());
/// # let config = LayerConfig::new("w", "https://widget.example/".parse()?, "@alice:example.org");
/// # let layer = TurnLayer::spawn(InnerHost::handshake(), &feed, Deny, config);
/// let (sender, mut receiver) = layer.split();
/// drop(sender);
/// assert_eq!(receiver.recv().await, None, "the layer ends with either half");
/// # Ok(())
/// # }
/// ```
pub struct WidgetReceiver {
    from_layer: mpsc::Receiver<String>,
    /// What came out while [`TurnLayer::send`] waited.
    early: VecDeque<String>,
}

impl WidgetReceiver {
    /// As [`TurnLayer::recv`].
    pub async fn recv(&mut self) -> Option<String> {
        match self.early.pop_front() {
            Some(text) => Some(text),
            None => self.from_layer.recv().await,
        }
    }
}

impl fmt::Debug for WidgetReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What waits in it carries credentials.
        f.debug_struct("WidgetReceiver").finish_non_exhaustive()
    }
}
