// Widgets that others wrote: npm's libraries, in the real browser, in our host.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Demo, Tab, browse, expiry, file, until } from "./rig.mjs";
import { site } from "./site.mjs";

const here = file();
let browser;
let pages;

before(async () => {
  pages = await site(here, "widgets/widget_api", "widgets/js_sdk", "widgets/toolkit");
  browser = await browse();
  here.after(() => browser.close());
});

/** A widget in a demo of its own, allowed, and how to look into it. */
async function host(t, path, ...args) {
  const demo = await Demo.start(t, "--ttl", "6s", "--widget", `${pages.origin}/${path}`, ...args);
  const tab = await Tab.open(t, browser, demo.url);
  const frame = async () => (await tab.at("widget-frame").elementHandle()).contentFrame();
  const seen = async () => (await frame()).evaluate(() => structuredClone(window.seen ?? { updates: [] }));
  return { demo, tab, frame, seen };
}

async function threeUpdates(seen) {
  return until("three updates", async () => {
    const { updates, error } = await seen();
    assert.equal(error ?? null, null);
    return updates.length >= 3 ? updates : null;
  });
}

function freshInTime(updates) {
  for (let i = 1; i < updates.length; i++) {
    assert.notEqual(updates[i].username, updates[i - 1].username);
    assert.ok(updates[i].at < expiry(updates[i - 1].username), `update ${i} came after the expiry`);
  }
}

for (const announce of ["no", "yes"]) {
  test(`matrix-widget-api gets and keeps credentials, announcing itself: ${announce}`, async (t) => {
    const { tab, seen, demo } = await host(t, `widget_api?announce=${announce}`);
    await tab.allow();
    const updates = await threeUpdates(seen);
    freshInTime(updates);
    assert.equal((await seen()).granted, true);
    assert.deepEqual(updates[0].uris, demo.turn);
    assert.equal(await tab.text("watch-state"), "watching");
    assert.deepEqual(demo.of("error"), []);
  });
}

test("matrix-widget-api is told when it is denied", async (t) => {
  const { tab, seen } = await host(t, "widget_api?announce=no");
  await tab.allow("permission-deny");
  const error = await until("the error", async () => (await seen()).error);
  assert.equal(error, "Missing capability");
  assert.equal((await seen()).granted, false);
});

test("matrix-js-sdk's RoomWidgetClient gets and keeps TURN servers", async (t) => {
  const { tab, seen, frame } = await host(t, "js_sdk");
  await tab.allow();
  const updates = await threeUpdates(seen);
  freshInTime(updates);
  const servers = await (await frame()).evaluate(() => window.getTurnServers());
  assert.equal(servers.length, 1);
  assert.ok(servers[0].credential.length > 0);
});

test("matrix-widget-toolkit's observeTurnServers gets and keeps TURN servers", async (t) => {
  const path = "toolkit?widgetId=widget-turn-demo#/?matrix_user_id=@demo:localhost&matrix_room_id=!room:localhost";
  const { tab, seen } = await host(t, path);
  await tab.allow();
  freshInTime(await threeUpdates(seen));
});

test("a widget that is reloaded mid-watch gets credentials again", async (t) => {
  const { tab, seen } = await host(t, "widget_api?announce=no");
  await tab.allow();
  await threeUpdates(seen);
  await tab.at("reload-widget").click();
  await tab.allow();
  await threeUpdates(seen);
});
