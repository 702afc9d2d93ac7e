// A widget on npm's @matrix-widget-toolkit/api, on which NeoBoard stands.

import { WidgetApiImpl } from "@matrix-widget-toolkit/api";

const seen = { updates: [], error: null };
window.seen = seen;

const api = await WidgetApiImpl.create({ capabilities: ["town.robin.msc3846.turn_servers"] });
api.observeTurnServers().subscribe({
  next: (server) => seen.updates.push({ at: Date.now(), ...server }),
  error: (error) => {
    seen.error = error.message;
  },
});
