// A user at a widget of a room: in our host, or in npm's.

import assert from "node:assert/strict";
import { Host, Tab, until } from "./rig.mjs";

/** The address of a widget's page, with the templates that a host fills in, and settings of the test. */
export function widgetUrl(pages, name, settings = {}) {
  const templates = "roomId=$matrix_room_id&userId=$matrix_user_id&deviceId=$org.matrix.msc3819.matrix_device_id";
  const more = Object.entries(settings).map(([key, value]) => `&${key}=${value}`);
  return `${pages.origin}/${name}?${templates}${more.join("")}`;
}

/** A user in our host, which trusts the widget; it may be known by its id in the room's state. */
export async function inOurs(test, { synapse, user, room, widget, id = widget, browser }) {
  const host = await Host.start(test, { synapse, user, room, widget: id }, "--trust-origin", new URL(widget).origin);
  const tab = await Tab.open(test, browser, host.url);
  return Object.assign(tab, { host, user });
}

/** A user in npm's host, which grants everything; without `refresh` it hands out credentials once. */
export async function inNpms(test, { synapse, user, room, widget, browser, refresh = true }) {
  const tab = await Tab.open(test, browser, `${new URL(widget).origin}/npm_host`);
  const options = { homeserver: synapse.url, account: user, roomId: room, url: widget, refresh };
  await tab.page.evaluate((options) => window.host(options), options);
  return Object.assign(tab, { user });
}

/** Waits until the widget has begun; gives what it has seen. */
export async function started(tab) {
  return until("the widget to begin", async () => {
    const seen = await tab.seen();
    assert.equal(seen?.error ?? null, null);
    return seen?.started ? seen : null;
  });
}

/** Waits until the widget has begun and has had credentials this often; gives what it has seen. */
export async function ready(tab, updates = 1, patience = undefined) {
  await started(tab);
  return until(
    `${updates} updates`,
    async () => {
      const seen = await tab.seen();
      return seen?.updates.length >= updates ? seen : null;
    },
    patience,
  );
}
