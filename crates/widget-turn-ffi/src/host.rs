//! The host behind a layer: matrix-sdk's `WidgetDriverHandle`, or another one of the app's.

use std::sync::Arc;

use widget_turn::HostEnd;

use crate::callback_error::TurnCallbackError;
use crate::calls::Calls;

/// The host that a layer stands in front of. The app implements it: with matrix-sdk's bindings, each method calls the one
/// of the same name of `WidgetDriverHandle`.
///
/// When it ends, or throws, the layer ends, after what it said before has reached the widget. The app learns it from
/// `TurnLayer`: `recv` and the states give nothing, `send` gives `false`.
#[uniffi::export(foreign)]
#[async_trait::async_trait]
pub trait InnerHost: Send + Sync {
    /// What the host says to the widget next; nothing once it has ended. It is called again as soon as it has returned, and
    /// cancelled when the layer ends.
    async fn recv(&self) -> Result<Option<String>, TurnCallbackError>;

    /// Takes what the widget says to the host. `false` once the host has ended.
    async fn send(&self, text: String) -> Result<bool, TurnCallbackError>;
}

/// Carries what host and layer say to each other, until one of them ends.
pub(crate) async fn carry(host: Arc<dyn InnerHost>, calls: Calls, end: HostEnd) {
    let (to_layer, mut from_layer) = end.split();
    let hear = async {
        while let Some(Ok(Some(text))) = calls.run(host.recv()).await {
            if !to_layer.send(text).await {
                return;
            }
        }
    };
    let say = async {
        while let Some(text) = from_layer.recv().await {
            if !matches!(calls.run(host.send(text)).await, Some(Ok(true))) {
                return;
            }
        }
    };
    tokio::select! {
        () = hear => {}
        () = say => {}
    }
}
