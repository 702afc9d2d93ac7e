//! A widget's driver with TURN: matrix-sdk's `WidgetDriver` behind the layer.

mod config;
mod event;
mod granted;
mod host;
mod news;
mod page;
mod permission;

use std::fmt;
use std::sync::Arc;

use matrix_sdk::Room;
use matrix_sdk::widget::WidgetSettings;
use tokio::sync::mpsc;
use widget_turn::TurnFeed;

use page::{FromWidget, Front};
use permission::Decide;

pub use config::{DriverConfig, LiveState};
pub use permission::CapabilityRequest;

/// What waits for the task that serves the widget before whoever sends has to wait.
const CAPACITY: usize = 64;

/// In place of matrix-sdk's `WidgetDriver` and its handle: the same widget API, and MSC3846 with it.
///
/// Hand in what the widget posts by [`send`](Self::send), and post to the widget what [`recv`](Self::recv) gives, each text
/// as a message event of its own (rule W2).
///
/// Dropping it (or, after [`split`](Self::split), the receiver or all senders) ends all that it started, the SDK's driver
/// among it.
///
/// ```no_run
/// use matrix_sdk::widget::WidgetSettings;
/// use widget_turn::{FeedConfig, TurnFeed};
/// use widget_turn_matrix_sdk::{CapabilityRequest, MatrixTurnSource, TurnWidgetDriver};
///
/// # async fn ask_person(request: &CapabilityRequest) -> Vec<String> { request.capabilities.clone() }
/// # async fn post(text: String) {}
/// # async fn posted() -> String { String::new() }
/// # async fn example(room: matrix_sdk::Room) -> Result<(), Box<dyn std::error::Error>> {
/// // One feed an account.
/// let feed = TurnFeed::new(MatrixTurnSource::new(room.client()), FeedConfig::default());
///
/// let settings = WidgetSettings::new("w".to_owned(), true, "https://widget.example/?id=$matrix_widget_id")?;
/// let decide = |request: CapabilityRequest| async move { ask_person(&request).await };
/// let mut driver = TurnWidgetDriver::spawn(settings, room, decide, &feed);
/// loop {
///     tokio::select! {
///         text = driver.recv() => match text {
///             Some(text) => post(text).await,
///             None => break,
///         },
///         text = posted() => {
///             driver.send(text).await;
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct TurnWidgetDriver {
    sender: TurnWidgetSender,
    receiver: TurnWidgetReceiver,
}

impl TurnWidgetDriver {
    /// Starts to serve a widget of `room`, supplied by `feed`.
    ///
    /// `decide` is asked once for all that a page wants, the capabilities of Matrix and that of TURN together (rule P2), and
    /// gives the names that are approved; what was not asked for is not approved either. It may take as long as it takes
    /// (rule H4): nothing times out meanwhile, nor does anything else wait for it. It is asked again after a reload, and
    /// when the page wants TURN later on. A page that wants nothing is not asked about.
    ///
    /// With `init_on_content_load` the page begins with `content_loaded`; without, at its first message or at
    /// [`page_loaded`](Self::page_loaded), whichever comes first. Other than the bare driver, which asks when there is no
    /// page yet.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// ```no_run
    /// # use matrix_sdk::widget::WidgetSettings;
    /// # use widget_turn_matrix_sdk::{CapabilityRequest, TurnWidgetDriver};
    /// use widget_turn::{PermissionPolicy, TrustedOrigins};
    ///
    /// # fn example(settings: WidgetSettings, room: matrix_sdk::Room, feed: widget_turn::TurnFeed) -> Result<(), Box<dyn std::error::Error>> {
    /// // TURN by a policy, and of the rest what harms nobody.
    /// let turn = std::sync::Arc::new(TrustedOrigins::new(["https://widget.example"])?);
    /// let decide = move |request: CapabilityRequest| {
    ///     let turn = turn.clone();
    ///     async move {
    ///         let mut approved = vec!["io.element.requires_client".to_owned()];
    ///         if let Some(request) = request.turn()
    ///             && turn.decide(&request).await.is_grant()
    ///         {
    ///             approved.extend(request.capability.names().map(str::to_owned));
    ///         }
    ///         approved
    ///     }
    /// };
    /// let driver = TurnWidgetDriver::spawn(settings, room, decide, &feed);
    /// # drop(driver);
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn<D, F>(settings: WidgetSettings, room: Room, decide: D, feed: &TurnFeed) -> Self
    where
        D: Fn(CapabilityRequest) -> F + Send + Sync + 'static,
        F: Future<Output = Vec<String>> + Send + 'static,
    {
        Self::spawn_with(settings, room, decide, feed, DriverConfig::default())
    }

    /// As [`spawn`](Self::spawn), otherwise than by default.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// ```no_run
    /// # use matrix_sdk::widget::WidgetSettings;
    /// # use widget_turn_matrix_sdk::{CapabilityRequest, TurnWidgetDriver};
    /// use widget_turn_matrix_sdk::{DriverConfig, LiveState};
    ///
    /// # fn example(settings: WidgetSettings, room: matrix_sdk::Room, feed: widget_turn::TurnFeed) {
    /// # let decide = |request: CapabilityRequest| async { request.capabilities };
    /// // The widget hears of calls that begin while it is there, whatever the client's own sync brings.
    /// let mut config = DriverConfig::default();
    /// config.live_state = LiveState::Subscribe;
    /// let driver = TurnWidgetDriver::spawn_with(settings, room, decide, &feed, config);
    /// # drop(driver);
    /// # }
    /// ```
    pub fn spawn_with<D, F>(
        settings: WidgetSettings,
        room: Room,
        decide: D,
        feed: &TurnFeed,
        config: DriverConfig,
    ) -> Self
    where
        D: Fn(CapabilityRequest) -> F + Send + Sync + 'static,
        F: Future<Output = Vec<String>> + Send + 'static,
    {
        let decide: Decide = Arc::new(move |request| Box::pin(decide(request)));
        let (to_front, from_widget) = mpsc::channel(CAPACITY);
        // Without bounds, as the SDK's: a client that hands in much before it takes anything must not wait for ever.
        let (to_widget, receiver) = mpsc::unbounded_channel();
        let front = Front::new(settings, room, decide, feed.clone(), config);
        tokio::spawn(front.run(from_widget, to_widget));
        Self {
            sender: TurnWidgetSender(to_front),
            receiver: TurnWidgetReceiver(receiver),
        }
    }

    /// Takes what the widget said. `false` once the driver has ended.
    ///
    /// ```no_run
    /// # async fn example(driver: widget_turn_matrix_sdk::TurnWidgetDriver) {
    /// assert!(driver.send("nonsense is dropped, with a log line".to_owned()).await);
    /// # }
    /// ```
    pub async fn send(&self, text: String) -> bool {
        self.sender.send(text).await
    }

    /// Tells that the widget's frame has loaded a page (an iframe's `load` event, a webview's "page finished"). The second
    /// time it is a reload, as is a second `content_loaded`: the new page gets a new driver (rule H6). `false` once the
    /// driver has ended.
    ///
    /// ```no_run
    /// # async fn example(driver: widget_turn_matrix_sdk::TurnWidgetDriver) {
    /// driver.page_loaded().await;
    /// # }
    /// ```
    pub async fn page_loaded(&self) -> bool {
        self.sender.page_loaded().await
    }

    /// What the widget is to be told next. `None` once the driver has ended.
    ///
    /// ```no_run
    /// # async fn example(mut driver: widget_turn_matrix_sdk::TurnWidgetDriver) {
    /// while let Some(text) = driver.recv().await {
    ///     println!("{} bytes for the widget", text.len());
    /// }
    /// # }
    /// ```
    pub async fn recv(&mut self) -> Option<String> {
        self.receiver.recv().await
    }

    /// The two halves, for two tasks.
    ///
    /// ```no_run
    /// # async fn example(driver: widget_turn_matrix_sdk::TurnWidgetDriver) {
    /// let (sender, mut receiver) = driver.split();
    /// tokio::spawn(async move { sender.page_loaded().await });
    /// receiver.recv().await;
    /// # }
    /// ```
    pub fn split(self) -> (TurnWidgetSender, TurnWidgetReceiver) {
        (self.sender, self.receiver)
    }
}

impl fmt::Debug for TurnWidgetDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnWidgetDriver").finish_non_exhaustive()
    }
}

/// The half of a [`TurnWidgetDriver`] that takes what the widget says.
///
/// ```no_run
/// # async fn example(driver: widget_turn_matrix_sdk::TurnWidgetDriver) {
/// let (sender, _receiver) = driver.split();
/// let from_another_task = sender.clone();
/// # drop(from_another_task);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TurnWidgetSender(mpsc::Sender<FromWidget>);

impl TurnWidgetSender {
    /// As [`TurnWidgetDriver::send`].
    pub async fn send(&self, text: String) -> bool {
        self.0.send(FromWidget::Message(text)).await.is_ok()
    }

    /// As [`TurnWidgetDriver::page_loaded`].
    pub async fn page_loaded(&self) -> bool {
        self.0.send(FromWidget::PageLoad).await.is_ok()
    }
}

/// The half of a [`TurnWidgetDriver`] that gives what the widget is to be told.
///
/// ```no_run
/// # async fn example(driver: widget_turn_matrix_sdk::TurnWidgetDriver) {
/// let (_sender, mut receiver) = driver.split();
/// receiver.recv().await;
/// # }
/// ```
pub struct TurnWidgetReceiver(mpsc::UnboundedReceiver<String>);

impl TurnWidgetReceiver {
    /// As [`TurnWidgetDriver::recv`].
    pub async fn recv(&mut self) -> Option<String> {
        self.0.recv().await
    }
}

impl fmt::Debug for TurnWidgetReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What waits in it carries credentials.
        f.debug_struct("TurnWidgetReceiver").finish_non_exhaustive()
    }
}
