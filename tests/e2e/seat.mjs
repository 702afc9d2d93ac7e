// A user at a widget of a room: in our host, or in npm's.

import { Host, Tab } from "./rig.mjs";

/** The address of a widget page with the templates that a host fills in, and settings of the test. */
export function widgetUrl(pages, name, settings = {}) {
  const templates = "roomId=$matrix_room_id&userId=$matrix_user_id&deviceId=$org.matrix.msc3819.matrix_device_id";
  const more = Object.entries(settings).map(([key, value]) => `&${key}=${value}`);
  return `${pages.origin}/${name}?${templates}${more.join("")}`;
}

/** In our host, which trusts the widget. */
export async function inOurs(test, { synapse, user, room, widget, browser }, ...args) {
  const trust = ["--trust-origin", new URL(widget).origin];
  const host = await Host.start(test, { synapse, user, room, widget }, ...trust, ...args);
  const tab = await Tab.open(test, browser, host.url);
  return Object.assign(tab, { host, user });
}

/** In npm's host, which grants everything; without `refresh` it hands out credentials once. */
export async function inNpms(test, { synapse, user, room, widget, browser, refresh = true }) {
  const tab = await Tab.open(test, browser, `${new URL(widget).origin}/npm_host`);
  await tab.page.evaluate(
    (options) => window.host(options),
    { homeserver: synapse.url, account: user, roomId: room, url: widget, refresh },
  );
  return Object.assign(tab, { user });
}
