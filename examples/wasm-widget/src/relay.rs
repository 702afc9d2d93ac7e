//! A connection from this page to itself that can only go through a TURN server.

use js_sys::{Array, JSON};
use wasm_bindgen::prelude::{Closure, JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Event, MessageEvent, RtcConfiguration, RtcDataChannel, RtcDataChannelEvent,
    RtcIceCandidateInit, RtcIceTransportPolicy, RtcPeerConnection, RtcPeerConnectionIceEvent,
    RtcSessionDescriptionInit,
};
use widget_turn_proto::TurnServer;

/// Both ends of the connection; it is closed when this is dropped.
pub(crate) struct Relay {
    near: RtcPeerConnection,
    far: RtcPeerConnection,
}

impl Relay {
    /// Connects the two ends and calls `on_round_trip` once a message has gone there and back.
    ///
    /// # Errors
    ///
    /// What the browser throws. Of a relay that refuses the credentials it says nothing: there is no round trip then.
    pub(crate) async fn open(
        server: &TurnServer,
        on_round_trip: impl Fn() + 'static,
    ) -> Result<Self, JsValue> {
        let configuration = RtcConfiguration::new();
        let ice_server = JSON::parse(server.ice_server().expose())?;
        configuration.set_ice_servers(&Array::of1(&ice_server).unchecked_into());
        configuration.set_ice_transport_policy(RtcIceTransportPolicy::Relay);
        let relay = Self {
            near: RtcPeerConnection::new_with_configuration(&configuration)?,
            far: RtcPeerConnection::new_with_configuration(&configuration)?,
        };
        trickle(&relay.near, &relay.far);
        trickle(&relay.far, &relay.near);
        let channel = relay.near.create_data_channel("round trip");
        send_and_await(&channel, on_round_trip);
        send_back(&relay.far);
        relay.negotiate().await?;
        Ok(relay)
    }

    async fn negotiate(&self) -> Result<(), JsValue> {
        let offer = description(JsFuture::from(self.near.create_offer()).await?);
        JsFuture::from(self.near.set_local_description(&offer)).await?;
        JsFuture::from(self.far.set_remote_description(&offer)).await?;
        let answer = description(JsFuture::from(self.far.create_answer()).await?);
        JsFuture::from(self.far.set_local_description(&answer)).await?;
        JsFuture::from(self.near.set_remote_description(&answer)).await?;
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        for end in [&self.near, &self.far] {
            // Each end's handler holds the other end, which the browser would keep for good.
            end.set_onicecandidate(None);
            end.close();
        }
    }
}

fn description(made: JsValue) -> RtcSessionDescriptionInit {
    made.unchecked_into()
}

/// Gives the candidates of one end to the other.
fn trickle(from: &RtcPeerConnection, to: &RtcPeerConnection) {
    let to = to.clone();
    let on_candidate = Closure::<dyn Fn(_)>::new(move |event: RtcPeerConnectionIceEvent| {
        if let Some(candidate) = event.candidate() {
            let candidate: RtcIceCandidateInit = candidate.unchecked_into();
            let _ = to.add_ice_candidate_with_opt_rtc_ice_candidate_init(Some(&candidate));
        }
    });
    from.set_onicecandidate(Some(on_candidate.into_js_value().unchecked_ref()));
}

fn send_and_await(channel: &RtcDataChannel, on_round_trip: impl Fn() + 'static) {
    let on_open = Closure::<dyn Fn(_)>::new(|event: Event| {
        let _ = channel_of(&event).map(|channel| channel.send_with_str("there and back"));
    });
    channel.set_onopen(Some(on_open.into_js_value().unchecked_ref()));
    let on_message = Closure::<dyn Fn()>::new(on_round_trip);
    channel.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
}

fn send_back(far: &RtcPeerConnection) {
    let on_channel = Closure::<dyn Fn(_)>::new(|event: RtcDataChannelEvent| {
        let on_message = Closure::<dyn Fn(_)>::new(|event: MessageEvent| {
            let back = channel_of(&event).zip(event.data().as_string());
            let _ = back.map(|(channel, word)| channel.send_with_str(&word));
        });
        let on_message = on_message.into_js_value();
        event
            .channel()
            .set_onmessage(Some(on_message.unchecked_ref()));
    });
    far.set_ondatachannel(Some(on_channel.into_js_value().unchecked_ref()));
}

/// The channel on which this happened.
fn channel_of(event: &Event) -> Option<RtcDataChannel> {
    event.target()?.dyn_into().ok()
}
