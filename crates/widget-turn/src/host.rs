//! What stands behind a layer.

use tokio::sync::mpsc;

use crate::layer::CAPACITY;

/// The host that a layer stands in front of: it gets what is not the layer's, and says what is not the layer's.
///
/// ```
/// use widget_turn::InnerHost;
///
/// let nothing_but_the_handshake = InnerHost::handshake();
/// let (any_other, end) = InnerHost::channels();
/// # drop((nothing_but_the_handshake, any_other, end));
/// ```
#[derive(Debug)]
pub struct InnerHost(pub(crate) Kind);

#[derive(Debug)]
pub(crate) enum Kind {
    Handshake,
    Channels {
        to_host: mpsc::Sender<String>,
        from_host: mpsc::Receiver<String>,
    },
}

impl InnerHost {
    /// The bare handshake ([`HandshakeHost`](widget_turn_proto::HandshakeHost)), for clients whose widgets get TURN and
    /// nothing else.
    ///
    /// ```
    /// let host = widget_turn::InnerHost::handshake();
    /// # drop(host);
    /// ```
    pub fn handshake() -> Self {
        Self(Kind::Handshake)
    }

    /// Any host that takes and gives the widget API's JSON text, such as matrix-sdk's `WidgetDriver`: it holds the end.
    /// When the end is dropped, the layer ends.
    ///
    /// A host of one's own must notice a page reload itself; the layer forgets the old page by itself.
    ///
    /// ```
    /// use widget_turn::InnerHost;
    ///
    /// let (host, mut end) = InnerHost::channels();
    /// # let _ = host;
    /// // tokio::spawn(async move { while let Some(text) = end.recv().await { … end.send(answer).await; } });
    /// # drop(end);
    /// ```
    pub fn channels() -> (Self, HostEnd) {
        let (to_host, receiver) = mpsc::channel(CAPACITY);
        let (sender, from_host) = mpsc::channel(CAPACITY);
        (
            Self(Kind::Channels { to_host, from_host }),
            HostEnd { sender, receiver },
        )
    }
}

/// The inner host's end of the channels to its layer. See [`InnerHost::channels`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (host, mut end) = widget_turn::InnerHost::channels();
/// drop(host);
/// assert_eq!(end.recv().await, None, "there is no layer");
/// # }
/// ```
#[derive(Debug)]
pub struct HostEnd {
    sender: mpsc::Sender<String>,
    receiver: mpsc::Receiver<String>,
}

impl HostEnd {
    /// Says something to the widget, through the layer. Waits while the widget is slow; `false` once the layer has ended.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (host, end) = widget_turn::InnerHost::channels();
    /// drop(host);
    /// assert!(!end.send("{}".into()).await);
    /// # }
    /// ```
    pub async fn send(&self, text: String) -> bool {
        self.sender.send(text).await.is_ok()
    }

    /// What the widget said next; `None` once the layer has ended.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (host, mut end) = widget_turn::InnerHost::channels();
    /// drop(host);
    /// assert_eq!(end.recv().await, None);
    /// # }
    /// ```
    pub async fn recv(&mut self) -> Option<String> {
        self.receiver.recv().await
    }

    /// The two halves, for two tasks. Dropping either ends the layer.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (host, end) = widget_turn::InnerHost::channels();
    /// let (sender, mut receiver) = end.split();
    /// drop(host);
    /// assert!(!sender.send("{}".into()).await);
    /// assert_eq!(receiver.recv().await, None);
    /// # }
    /// ```
    pub fn split(self) -> (HostSender, HostReceiver) {
        (HostSender(self.sender), HostReceiver(self.receiver))
    }
}

/// The half of a [`HostEnd`] that says things to the widget; see [`HostEnd::split`].
///
/// ```
/// let (host, end) = widget_turn::InnerHost::channels();
/// let (sender, receiver) = end.split();
/// # drop((host, sender, receiver));
/// ```
#[derive(Debug)]
pub struct HostSender(mpsc::Sender<String>);

impl HostSender {
    /// As [`HostEnd::send`].
    pub async fn send(&self, text: String) -> bool {
        self.0.send(text).await.is_ok()
    }
}

/// The half of a [`HostEnd`] that hears what the widget says; see [`HostEnd::split`].
///
/// ```
/// let (host, end) = widget_turn::InnerHost::channels();
/// let (sender, receiver) = end.split();
/// # drop((host, sender, receiver));
/// ```
#[derive(Debug)]
pub struct HostReceiver(mpsc::Receiver<String>);

impl HostReceiver {
    /// As [`HostEnd::recv`].
    pub async fn recv(&mut self) -> Option<String> {
        self.0.recv().await
    }
}
