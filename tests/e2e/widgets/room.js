// A widget on npm's matrix-js-sdk that sends and receives all that a room has to offer, and relays by itself.

import { ClientEvent, RoomStateEvent, createRoomWidgetClient } from "matrix-js-sdk";
import { WidgetApi } from "matrix-widget-api";
import { marks } from "./marks.js";
import { client as options, parentOrigin, roomId, userId, widgetId } from "./query.js";

const TYPE = "org.example.note";

const seen = { updates: [], events: [], states: [], toDevice: [], error: null, started: false, loaded: null };
window.seen = seen;

const api = new WidgetApi(widgetId, parentOrigin);
seen.marks = marks(api);
window.addEventListener("load", () => {
  seen.loaded = performance.now();
});

const client = createRoomWidgetClient(
  api,
  {
    sendEvent: [TYPE],
    receiveEvent: [TYPE],
    sendState: [{ eventType: TYPE, stateKey: userId }],
    receiveState: [{ eventType: TYPE }],
    sendToDevice: [TYPE],
    receiveToDevice: [TYPE],
    turnServers: true,
  },
  roomId,
  options,
  true,
);
const note = (list, event) => list.push({ sender: event.getSender(), key: event.getStateKey(), ...event.getContent() });
client.on(ClientEvent.TurnServers, ([server]) => seen.updates.push({ at: Date.now(), ...server }));
client.on(ClientEvent.Event, (event) => event.getType() === TYPE && !event.isState() && note(seen.events, event));
client.on(RoomStateEvent.Events, (event) => event.getType() === TYPE && note(seen.states, event));
client.on(ClientEvent.ToDeviceEvent, (event) => event.getType() === TYPE && note(seen.toDevice, event));
client.startClient().then(
  () => (seen.started = true),
  (error) => (seen.error = String(error)),
);

window.versions = () => api.transport.send("supported_api_versions", {});
window.sendEvent = (text) => client.sendEvent(roomId, TYPE, { text });
window.sendState = (text) => client.sendStateEvent(roomId, TYPE, { text }, userId);
window.sendToDevice = (text, user, device) => client.sendToDevice(TYPE, new Map([[user, new Map([[device, { text }]])]]));

/** Sends a word to itself through relays alone, with the TURN servers that the widget has. */
window.relay = async () => {
  const configuration = { iceServers: client.getTurnServers(), iceTransportPolicy: "relay" };
  const [near, far] = [new RTCPeerConnection(configuration), new RTCPeerConnection(configuration)];
  try {
    const failed = new Promise((_resolve, reject) => {
      near.onicecandidateerror = ({ errorCode, errorText }) => reject(new Error(`${errorCode} ${errorText}`));
    });
    near.onicecandidate = ({ candidate }) => candidate && far.addIceCandidate(candidate);
    far.onicecandidate = ({ candidate }) => candidate && near.addIceCandidate(candidate);
    far.ondatachannel = ({ channel }) => {
      channel.onmessage = ({ data }) => channel.send(data);
    };
    const channel = near.createDataChannel("words");
    const back = new Promise((resolve) => {
      channel.onopen = () => channel.send("through the relay");
      channel.onmessage = ({ data }) => resolve(data);
    });
    await near.setLocalDescription();
    await far.setRemoteDescription(near.localDescription);
    await far.setLocalDescription();
    await near.setRemoteDescription(far.localDescription);
    return await Promise.race([back, failed]);
  } finally {
    near.close();
    far.close();
  }
};
