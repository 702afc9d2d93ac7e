//! The layer of one widget, as an object with the two methods of matrix-sdk's `WidgetDriverHandle`.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};
use tokio::task::AbortHandle;
use widget_turn::{LayerConfig, LayerStatus, WidgetReceiver, WidgetSender};

use crate::calls::Calls;
use crate::feed::{Board, TurnFeed};
use crate::host::{InnerHost, carry};
use crate::permission::{ForeignPolicy, TurnPermission};
use crate::set_up_error::TurnSetUpError;

/// Which widget a layer is for.
#[derive(Clone, Debug, uniffi::Record)]
pub struct TurnWidget {
    /// The widget's id, which its messages carry. Not empty.
    pub id: String,
    /// The URL of the page that the webview really shows. Only its origin counts: who asks for the credentials.
    pub url: String,
    /// The Matrix user id of the account whose credentials the widget would get.
    pub account: String,
    /// The room that the widget is in, if it is in one.
    #[uniffi(default = None)]
    pub room: Option<String>,
}

/// The layer of one widget, between its webview and the host.
///
/// Give what the page posts to `send`, and post what `recv` gives to the page. Both at the same
/// time: a widget that does not read is not listened to. `stop` it when the webview closes; it also ends when
/// it is freed, and when its feed stops or its inner host ends: then `recv` and the states give nothing, and `send` gives
/// `false`.
#[derive(uniffi::Object)]
pub struct TurnLayer {
    to_layer: WidgetSender,
    from_layer: AsyncMutex<mpsc::Receiver<String>>,
    status: watch::Receiver<LayerStatus>,
    calls: Calls,
    task: AbortHandle,
    // It ends with its last holder.
    feed: Arc<TurnFeed>,
}

/// How far a widget is with its credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum TurnLayerState {
    /// The page has not asked for TURN.
    NotAsked,
    /// It has, and the app has not decided yet.
    Asking,
    /// It may not have it.
    Denied,
    /// It may have it, and does not watch now.
    Granted,
    /// It watches: it has the credentials in hand, if there are any, and is told of new ones. Whether there are any is in
    /// `TurnFeedState.supply`.
    Watching,
}

#[uniffi::export]
impl TurnLayer {
    /// A layer in front of `inner_host`. Without one it answers the handshake itself, for apps whose widgets get TURN and
    /// nothing else.
    #[uniffi::constructor(default(inner_host = None))]
    pub fn new(
        feed: Arc<TurnFeed>,
        widget: TurnWidget,
        permission: Arc<dyn TurnPermission>,
        inner_host: Option<Arc<dyn InnerHost>>,
    ) -> Result<Arc<Self>, TurnSetUpError> {
        if widget.id.is_empty() {
            return Err(TurnSetUpError::InvalidId {
                reason: "expected the id that the widget's messages carry, got none".to_owned(),
            });
        }
        if !is_user_id(&widget.account) {
            return Err(TurnSetUpError::InvalidAccount {
                reason: "expected a Matrix user id, as in `@alice:example.org`".to_owned(),
            });
        }
        let origin = widget
            .url
            .parse()
            .map_err(
                |error: widget_turn::OriginError| TurnSetUpError::InvalidUrl {
                    reason: error.to_string(),
                },
            )?;
        let mut config = LayerConfig::new(widget.id, origin, widget.account);
        config.room = widget.room;
        let calls = feed.calls().child();
        let policy = ForeignPolicy {
            permission,
            calls: calls.clone(),
        };
        let (host, end) = match inner_host {
            Some(inner) => {
                let (host, end) = widget_turn::InnerHost::channels();
                (host, Some((inner, end)))
            }
            None => (widget_turn::InnerHost::handshake(), None),
        };

        let _context = feed.runtime().enter();
        let layer = widget_turn::TurnLayer::spawn(host, feed.inner(), policy, config);
        let status = layer.status();
        let (to_layer, receiver) = layer.split();
        let (to_app, from_layer) = mpsc::channel(1);
        let shown = Shown::new(feed.board().clone());
        let followed = status.clone();
        let (host_calls, ends) = (calls.clone(), calls.clone());
        // The end of the host ends the layer, and that the rest; what the host said before still reaches the widget.
        let task = tokio::spawn(async move {
            let hosting = async {
                if let Some((inner, end)) = end {
                    carry(inner, host_calls, end).await;
                }
            };
            tokio::join!(
                hosting,
                hand_over(receiver, to_app, &ends),
                shown.follow(followed)
            );
        });
        Ok(Arc::new(Self {
            to_layer,
            from_layer: AsyncMutex::new(from_layer),
            status,
            calls,
            task: task.abort_handle(),
            feed: feed.clone(),
        }))
    }

    /// Takes what the page posted, as JSON text. It waits while the widget does not read. `false` once the layer has ended.
    pub async fn send(&self, text: String) -> bool {
        !self.calls.have_ended() && self.to_layer.send(text).await
    }

    /// What to post to the page next, as JSON text, each as a message event of its own. Nothing once the layer has ended.
    ///
    /// Cancel it only when you stop: a text that comes in the very moment of the cancellation is lost.
    pub async fn recv(&self) -> Option<String> {
        let text = self.from_layer.lock().await.recv().await;
        text.filter(|_| !self.calls.have_ended())
    }

    /// Tells that the webview has loaded a page. It starts the handshake with pages that do not announce themselves; the
    /// second time it is a reload, and the page is asked again what it wants. `false` once the layer has ended.
    ///
    /// Not needed for pages that send `content_loaded`, as most do. An inner host does not hear of it: matrix-sdk's driver
    /// does not survive a reload, so make a new one, and a new layer.
    pub async fn page_loaded(&self) -> bool {
        !self.calls.have_ended() && self.to_layer.page_loaded().await
    }

    /// For a settings screen: the state as it is now, and then as it changes. Any number of screens may have one each.
    pub fn states(&self) -> Arc<TurnLayerStates> {
        let mut status = self.status.clone();
        status.mark_changed();
        Arc::new(TurnLayerStates {
            status: AsyncMutex::new(status),
            calls: self.calls.clone(),
        })
    }

    /// Ends the layer: its watch, what it asks the app, and `recv`. From now on it calls none of the app's functions, and
    /// those that run are cancelled. It returns when these have ended, `finally` and all, or after 3 s: for what does not
    /// listen to its cancellation it waits no longer, and of what a function has begun elsewhere, as in a thread, it does
    /// not know. To stop twice does no harm.
    pub async fn stop(&self) {
        self.end();
        self.feed.over(&self.calls).await;
    }
}

impl TurnLayer {
    fn end(&self) {
        self.calls.end();
        self.task.abort();
    }
}

impl Drop for TurnLayer {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for TurnLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What waits in it carries credentials.
        f.debug_struct("TurnLayer").finish_non_exhaustive()
    }
}

/// The states of a layer, one after another; see `TurnLayer.states`.
#[derive(Debug, uniffi::Object)]
pub struct TurnLayerStates {
    status: AsyncMutex<watch::Receiver<LayerStatus>>,
    calls: Calls,
}

#[uniffi::export]
impl TurnLayerStates {
    /// The state, the first time at once and then when it has changed: of several changes the last. Nothing, at once and
    /// each time, once the layer has ended, whoever ended it: the app, the feed, or the inner host.
    pub async fn next(&self) -> Option<TurnLayerState> {
        let mut status = self.status.lock().await;
        // What was not seen of an ended layer is of no use any more.
        if self.calls.have_ended() || status.has_changed().is_err() {
            return None;
        }
        status.changed().await.ok()?;
        let status = *status.borrow_and_update();
        Some(match status {
            LayerStatus::Asking => TurnLayerState::Asking,
            LayerStatus::Denied => TurnLayerState::Denied,
            LayerStatus::Granted => TurnLayerState::Granted,
            LayerStatus::Watching => TurnLayerState::Watching,
            _ => TurnLayerState::NotAsked,
        })
    }
}

/// Real ones are of many kinds: old accounts have any characters before the colon.
fn is_user_id(text: &str) -> bool {
    text.strip_prefix('@')
        .and_then(|rest| rest.split_once(':'))
        .is_some_and(|(_, server)| !server.is_empty())
}

/// A task of the runtime's own ends the layer when it is aborted, wherever the app's `recv` is waiting.
async fn hand_over(mut receiver: WidgetReceiver, to_app: mpsc::Sender<String>, calls: &Calls) {
    let handing = async {
        while let Some(text) = receiver.recv().await {
            if to_app.send(text).await.is_err() {
                return;
            }
        }
    };
    // Not only when it is aborted: a feed that stops does not wait for its layers' tasks.
    tokio::select! {
        () = handing => {}
        () = calls.ended() => {}
    }
}

/// What the feed's board says of this layer.
struct Shown {
    board: Board,
    watching: bool,
}

impl Shown {
    fn new(board: Board) -> Self {
        Self {
            board,
            watching: false,
        }
    }

    async fn follow(mut self, mut status: watch::Receiver<LayerStatus>) {
        while status.changed().await.is_ok() {
            let watching = *status.borrow_and_update() == LayerStatus::Watching;
            self.show(watching);
        }
    }

    fn show(&mut self, watching: bool) {
        match (self.watching, watching) {
            (false, true) => self.board.change(|state| state.watching += 1),
            (true, false) => self.board.change(|state| state.watching -= 1),
            _ => {}
        }
        self.watching = watching;
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.show(false);
    }
}
