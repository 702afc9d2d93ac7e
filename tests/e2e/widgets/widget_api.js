// A widget on npm's matrix-widget-api, as its README has it.

import { WidgetApi } from "matrix-widget-api";

const query = new URLSearchParams(location.search);
const seen = { updates: [], error: null, stopped: false };
window.seen = seen;

const api = new WidgetApi(query.get("widgetId"), new URL(query.get("parentUrl")).origin);
api.requestCapability("town.robin.msc3846.turn_servers");
api.on("ready", async () => {
  seen.granted = api.hasCapability("town.robin.msc3846.turn_servers");
  try {
    for await (const server of api.getTurnServers()) {
      seen.updates.push({ at: Date.now(), ...server });
    }
  } catch (error) {
    seen.error = error.message;
  }
});
api.start();
if (query.get("announce") === "yes") {
  api.sendContentLoaded();
}
