#!/usr/bin/env node
// The same widgets in `widget-turn host` and in npm's ClientWidgetApi, on one Synapse and one coturn, in one run, in turns.
// Prints medians and their ratios, asserts nothing. `./test` first: it installs what this needs and builds the command.

import { SECRET, coturn } from "../tests/e2e/coturn.mjs";
import { join, media, seenIn } from "../tests/e2e/group_call.mjs";
import { Host, Tab, browse, folder } from "../tests/e2e/rig.mjs";
import { inNpms, inOurs, ready, widgetUrl } from "../tests/e2e/seat.mjs";
import { site } from "../tests/e2e/site.mjs";
import { Synapse } from "../tests/e2e/synapse.mjs";

const ROUNDS = Number(process.argv[2] ?? 10);

/** What is to be ended after a piece of work, the youngest first; stands where a test is asked for. */
async function within(work) {
  const ends = [];
  try {
    return await work({ after: (end) => ends.push(end) });
  } finally {
    for (const end of ends.reverse()) {
      await end();
    }
  }
}

const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
};
const spread = (list) => `${median(list).toFixed(0)} ms (${Math.min(...list).toFixed(0)}-${Math.max(...list).toFixed(0)})`;
const figure = (name, value) => console.log(`${name.padEnd(44)} ${value}`);

/** Prints one measure of all hosts, and each of ours as a multiple of npm's. */
function compare(title, { npm, ...ours }) {
  figure(`${title}, npm`, spread(npm));
  for (const [name, list] of Object.entries(ours)) {
    figure(`  ${name}`, `${spread(list)}, ${(median(list) / median(npm)).toFixed(2)} times npm's`);
  }
}

/** The load of the widget's page to its first credentials, and its watch to them, in ms. */
async function credentials(tab) {
  const { marks, loaded } = await ready(tab);
  return { load: marks.update - loaded, watch: marks.update - marks.watch };
}

/** The first join to video decoded on both sides, in ms. */
async function call(seats) {
  const [alice, bob] = seats;
  await Promise.all(seats.map((seat) => ready(seat)));
  const begun = Date.now();
  await join(alice);
  await seenIn(alice, [bob]);
  await join(bob);
  return (await media(seats)) - begun;
}

await within(async (test) => {
  const relay = await coturn(test);
  const synapse = await Synapse.start(test, { turn: { uris: [relay.udp, relay.tcp], secret: SECRET } });
  const pages = await site(test, "widgets/room", "widgets/group_call", "reference/npm_host");
  const browser = await browse();
  test.after(() => browser.close());
  const place = async (room, user, name) => ({ synapse, user, room, widget: widgetUrl(pages, name), browser });

  const [alice, bob] = [await synapse.user("alice"), await synapse.user("bob")];
  const room = await synapse.room([alice, bob]);
  const inNpm = await place(room, alice, "room");
  const inOur = { ...(await place(room, bob, "room")), data: folder(test) };
  const load = { npm: [], "host, started anew": [], "host, a second tab": [] };
  const watch = structuredClone(load);
  const note = (name, seen) => {
    load[name].push(seen.load);
    watch[name].push(seen.watch);
  };
  // The first round fills the caches of browser and homeserver.
  for (let round = 0; round <= ROUNDS; round++) {
    const npm = await within(async (test) => credentials(await inNpms(test, inNpm)));
    const [first, second] = await within(async (test) => {
      const host = await Host.start(test, inOur, "--trust-origin", pages.origin);
      const first = await within(async (test) => credentials(await Tab.open(test, browser, host.url)));
      const second = await within(async (test) => credentials(await Tab.open(test, browser, host.url)));
      return [first, second];
    });
    if (round > 0) {
      note("npm", npm);
      note("host, started anew", first);
      note("host, a second tab", second);
    }
  }
  compare("load to first credentials", load);
  compare("watch to first credentials", watch);

  const joins = { npm: [], host: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, sit] of [["npm", inNpms], ["host", inOurs]]) {
      const users = [await synapse.user("alice"), await synapse.user("bob")];
      const room = await synapse.room(users);
      const places = await Promise.all(users.map((user) => place(room, user, "group_call")));
      const took = await within(async (test) => call(await Promise.all(places.map((place) => sit(test, place)))));
      if (round > 0) {
        joins[name].push(took);
      }
    }
  }
  compare("group call, first join to media", joins);
});
