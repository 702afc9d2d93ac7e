// What MSC3846 is for: full-mesh group calls through relays, each user in a `widget-turn host` of its own.

import assert from "node:assert/strict";
import { join as path } from "node:path";
import { before, describe, test } from "node:test";
import { SECRET, coturn } from "./coturn.mjs";
import { join, media, noWay, seenIn } from "./group_call.mjs";
import { artifacts, browse, file, until } from "./rig.mjs";
import { inNpms, inOurs, ready, widgetUrl } from "./seat.mjs";
import { site } from "./site.mjs";
import { Synapse } from "./synapse.mjs";

/** How long credentials last, in seconds. */
const LIFETIME = 30;

const here = file();
let synapse;
let turn;
let browser;
let pages;
before(async () => {
  const relay = await coturn(here);
  turn = { uris: [relay.udp, relay.tcp], secret: SECRET, lifetime: LIFETIME };
  synapse = await Synapse.start(here, { turn });
  pages = await site(here, "widgets/group_call", "reference/npm_host");
  browser = await browse();
  here.after(() => browser.close());
});

/** A room with these users in it, and where they find its call. */
async function meet(names, { encrypted = false, settings = {} } = {}) {
  const users = await Promise.all(names.map((name) => synapse.user(name)));
  const room = await synapse.room(users, { encrypted });
  const widget = widgetUrl(pages, "group_call", settings);
  return users.map((user) => ({ synapse, user, room, widget, browser }));
}

/** All sit down, and join one after the other. */
async function callOf(t, sit, places) {
  const seats = await Promise.all(places.map((place) => sit(t, place)));
  for (const seat of seats) {
    await ready(seat);
  }
  const begun = Date.now();
  const [first, ...others] = seats;
  await join(first);
  await seenIn(first, others);
  await Promise.all(others.map(join));
  t.diagnostic(`first join to media of all: ${(await media(seats)) - begun} ms`);
  return seats;
}

// Pictures are made and read on this machine: no more than two calls at once.
describe("a group call", { concurrency: 2 }, () => {
  test("of a user who joins when the first credentials have long expired", async (t) => {
    // Side by side: a widget that takes every update, and one that takes the first alone.
    const [kept, stale] = await Promise.all(
      [{}, { updates: "first" }].map(async (settings) => {
        const seats = await Promise.all((await meet(["alice", "bob"], { settings })).map((place) => inOurs(t, place)));
        for (const seat of seats) {
          await ready(seat);
        }
        const [alice, bob] = seats;
        await join(alice);
        await seenIn(alice, [bob]);
        return seats;
      }),
    );
    const joins = Date.now() + 40_000;
    await until("40 s", () => Date.now() >= joins, 60_000);

    await join(kept[1]);
    t.diagnostic(`late join to media: ${(await media(kept)) - joins} ms`);
    await join(stale[1]);
    await Promise.all(stale.map(noWay));
  });

  test("of two in npm's host, which ours is held against", async (t) => {
    await callOf(t, inNpms, await meet(["alice", "bob"]));
  });

  test("of two; one reloads the widget, and a third loads it, during the call", async (t) => {
    const places = await meet(["alice", "bob", "carol"]);
    const [alice, bob] = await callOf(t, inOurs, places.slice(0, 2));

    await bob.at("reload-widget").click();
    await until("the widget to begin anew", async () => (await bob.seen())?.joinedAt === null);
    await ready(bob);
    await join(bob);
    await media([alice, bob]);

    const carol = await inOurs(t, places[2]);
    await ready(carol);
    await seenIn(alice, [carol]);
    await join(carol);
    await media([alice, bob, carol]);
    assert.deepEqual(alice.errors, []);
  });

  test("of two in an encrypted room", async (t) => {
    await callOf(t, inOurs, await meet(["alice", "bob"], { encrypted: true }));
  });
});

test("a group call of four, by a widget of the room", async (t) => {
  // Twelve ends on one machine may need longer to connect than the short credentials last.
  await synapse.pause();
  await synapse.resume({ ...turn, lifetime: 3600 });
  const users = await Promise.all(["ana", "ben", "cleo", "dan"].map((name) => synapse.user(name)));
  // Ana's is the one that is looked at.
  const shown = widgetUrl(pages, "group_call", { shown: "yes" });
  const content = { type: "m.custom", url: shown, name: "Group call", creatorUserId: users[0].id };
  const state = [{ type: "im.vector.modular.widgets", state_key: "call", content }];
  const room = await synapse.room(users, { state, name: "Weekly" });
  const widget = widgetUrl(pages, "group_call");
  const places = users.map((user) => ({ synapse, user, room, widget, browser }));
  places[0].id = "call";

  const [ana] = await callOf(t, inOurs, places);
  await ana.page.setViewportSize({ width: 1440, height: 900 });
  await until("everyone to be seen", async () => (await ana.call("drawn")) === 4);
  await ana.page.screenshot({ path: path(artifacts, "host.png") });
});
