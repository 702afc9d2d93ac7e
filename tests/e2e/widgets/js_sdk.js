// A widget on npm's matrix-js-sdk, as Element Call makes its client.

import { ClientEvent, createRoomWidgetClient } from "matrix-js-sdk";
import { WidgetApi } from "matrix-widget-api";

const query = new URLSearchParams(location.search);
const seen = { updates: [], error: null };
window.seen = seen;

const api = new WidgetApi(query.get("widgetId"), new URL(query.get("parentUrl")).origin);
const client = createRoomWidgetClient(
  api,
  { turnServers: true },
  "!room:localhost",
  { baseUrl: "http://127.0.0.1:9", userId: "@demo:localhost", deviceId: "DEVICE", timelineSupport: true },
  true,
);
client.on(ClientEvent.TurnServers, (servers) => {
  seen.updates.push({ at: Date.now(), ...servers[0] });
});
window.getTurnServers = () => client.getTurnServers();
client.startClient().catch((error) => {
  seen.error = String(error);
});
