// `widget-turn host`: a widget on npm's matrix-js-sdk in a real room of Synapse, with relays of coturn.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { SECRET, coturn, secretFile } from "./coturn.mjs";
import { Host, Tab, artifacts, binary, browse, expiry, file, folder, program, until } from "./rig.mjs";
import { inOurs, ready, started, widgetUrl } from "./seat.mjs";
import { site } from "./site.mjs";
import { Synapse } from "./synapse.mjs";

/** How long credentials last, in seconds. */
const LIFETIME = 12;

const here = file();
let synapse;
let turn;
let relay;
let browser;
let pages;
let widget;
before(async () => {
  relay = await coturn(here);
  turn = { uris: [relay.udp, relay.tcp], secret: SECRET, lifetime: LIFETIME, guests: false };
  synapse = await Synapse.start(here, { turn, guests: true });
  pages = await site(here, "widgets/room");
  widget = widgetUrl(pages, "room");
  browser = await browse();
  here.after(() => browser.close());
});

/** New users in a room of theirs. */
async function inRoom(names, options) {
  const users = await Promise.all(names.map((name) => synapse.user(name)));
  const room = await synapse.room(users, options);
  return users.map((user) => ({ synapse, user, room, widget, browser }));
}

/** Waits until what the widget has seen of this kind contains the text. */
async function arrives(tab, kind, text) {
  await until(`${text} in ${kind}`, async () => (await tab.seen())?.[kind].some((seen) => seen.text === text));
}

/** Sends all that a widget can send, and waits until the other one has it. */
async function talk(from, to, word) {
  await from.call("sendEvent", `${word} event`);
  await from.call("sendState", `${word} state`);
  await from.call("sendToDevice", `${word} message`, to.user.id, to.user.device);
  await arrives(to, "events", `${word} event`);
  await arrives(to, "states", `${word} state`);
  await arrives(to, "toDevice", `${word} message`);
}

/** Has the widget relay by its own credentials. */
async function relays(tab) {
  assert.equal(await tab.call("relay"), "through the relay");
}

/** *Test relays* finds, as the browser does, that both servers relay. */
async function testsRelays(tab) {
  await tab.at("relay-test").click();
  await until("the end of the test", async () => (await tab.at("relay-state").getAttribute("data-state")) === "done");
  assert.deepEqual(await tab.at("relay-uri").allTextContents(), turn.uris);
  for (const whose of ["relay-ours", "relay-browsers"]) {
    for (const cell of await tab.at(whose).all()) {
      assert.equal(await cell.getAttribute("data-works"), "true", `${whose}: ${await cell.textContent()}`);
    }
  }
  await tab.page.keyboard.press("Escape");
}

describe("a widget in a room", { concurrency: 3 }, () => {
  for (const encrypted of [false, true]) {
    const kind = encrypted ? "an encrypted" : "a";
    test(`of ${kind} room sends and receives events, state and to-device messages, and relays`, async (t) => {
      const places = await inRoom(["alice", "bob"], { encrypted });
      const [alice, bob] = await Promise.all(places.map((place) => inOurs(t, place)));
      await ready(alice);
      await ready(bob);
      await talk(alice, bob, "alice's");
      await talk(bob, alice, "bob's");
      const { events, states, toDevice } = await bob.seen();
      for (const { sender } of [...events, ...states, ...toDevice].filter(({ text }) => text.startsWith("alice"))) {
        assert.equal(sender, alice.user.id);
      }
      await relays(alice);
      await relays(bob);
      await testsRelays(alice);
      assert.deepEqual(alice.host.of("error"), []);
      assert.deepEqual(alice.errors, []);
      assert.equal(await alice.host.stop(), 0);
    });
  }

  test("has fresh credentials before the last ones expire, by one request per lifetime for two tabs", async (t) => {
    const [place] = await inRoom(["alice"]);
    const first = await inOurs(t, place);
    const second = await Tab.open(t, browser, first.host.url);
    await ready(second);
    const { updates } = await ready(first, 4, 120_000);
    for (let i = 1; i < 4; i++) {
      assert.notEqual(updates[i].username, updates[i - 1].username);
      const late = updates[i].at - expiry(updates[i - 1].username);
      assert.ok(late < 0, `update ${i} came ${late} ms after the expiry`);
    }
    await relays(first);
    await until("the other tab", async () => (await second.seen()).updates.length >= updates.length);
    const { updates: others } = await second.seen();
    const names = new Set([...(await first.seen()).updates, ...others].map(({ username }) => username));
    const asked = synapse.turnRequests(place.user);
    assert.ok(asked <= names.size + 1, `${asked} requests for ${names.size} pairs of credentials`);
    assert.ok(others.length >= 3, "an update for each request, in each tab");
  });

  test("waits for a prompt that is answered after 15 s, and has what was ticked", async (t) => {
    const [place] = await inRoom(["alice"]);
    const host = await Host.start(t, place);
    const tab = await Tab.open(t, browser, host.url);
    await tab.at("permission-dialog").waitFor();
    const asked = Date.now();
    const boxes = tab.at("permission-capability");
    const listed = await boxes.evaluateAll((boxes) => boxes.map((box) => box.dataset.capability));
    const type = "org.example.note";
    const sendState = `org.matrix.msc2762.send.state_event:${type}#${place.user.id}`;
    assert.deepEqual(
      new Set(listed),
      new Set([
        `org.matrix.msc2762.send.event:${type}`,
        `org.matrix.msc2762.receive.event:${type}`,
        sendState,
        `org.matrix.msc2762.receive.state_event:${type}`,
        `org.matrix.msc3819.send.to_device:${type}`,
        `org.matrix.msc3819.receive.to_device:${type}`,
        "town.robin.msc3846.turn_servers",
      ]),
    );
    assert.ok((await tab.text("permission-held")).includes(`org.matrix.msc2762.timeline:${place.room}`));
    await until("15 s", () => Date.now() >= asked + 15_000);
    const { supported_versions: versions } = await tab.call("versions");
    assert.ok(versions.includes("town.robin.msc3846"));
    assert.equal((await tab.seen()).started, false);
    await tab.at("permission-all").check();
    await tab.page.screenshot({ path: join(artifacts, "host-permission.png") });
    await tab.page.locator(`[data-capability="${sendState}"]`).uncheck();
    await tab.allow();
    await ready(tab);
    await relays(tab);
    await assert.rejects(tab.call("sendState", "not granted"));
    await tab.call("sendEvent", "after the prompt");
    await arrives(tab, "events", "after the prompt");
  });

  test("works again after it was reloaded, and after the page was", async (t) => {
    const [place, other] = await inRoom(["alice", "bob"]);
    const alice = await inOurs(t, place);
    const bob = await inOurs(t, other);
    await ready(alice);
    await ready(bob);
    await talk(alice, bob, "first");
    for (const [what, reload] of [
      ["widget", () => alice.at("reload-widget").click()],
      ["page", () => alice.page.reload()],
    ]) {
      await reload();
      await until(`the ${what} to begin anew`, async () => (await alice.seen())?.events.length === 0);
      await ready(alice);
      await relays(alice);
      await talk(alice, bob, `${what} reloaded`);
      await talk(bob, alice, `after the ${what}`);
    }
  });

  test("gets every to-device message of many that come at once, in order", async (t) => {
    const [place, { user: sender }] = await inRoom(["alice", "bob"]);
    const tab = await inOurs(t, place);
    await ready(tab);
    const texts = Array.from({ length: 40 }, (_, i) => `message ${i}`);
    // The homeserver gathers them while nobody takes them.
    tab.host.running.child.kill("SIGSTOP");
    for (const text of texts) {
      const messages = { [place.user.id]: { [place.user.device]: { text } } };
      await synapse.request("PUT", `sendToDevice/org.example.note/${text.replace(" ", "")}`, { messages }, sender);
    }
    tab.host.running.child.kill("SIGCONT");
    await arrives(tab, "toDevice", texts.at(-1));
    assert.deepEqual((await tab.seen()).toDevice.map(({ text }) => text), texts);
  });

  test("is told that guests get no TURN, and has the room all the same", async (t) => {
    const owner = await synapse.user("alice");
    const guest = await synapse.guest();
    const room = await synapse.room([owner, guest]);
    const tab = await inOurs(t, { synapse, user: guest, room, widget, browser });
    await started(tab);
    const refused = await until("the refusal", async () => (await tab.seen()).marks.refused);
    assert.equal(refused.status, 403);
    assert.equal(refused.errcode, "M_GUEST_ACCESS_FORBIDDEN");
    assert.equal(tab.host.of("fetch")[0].status, 403);
    await synapse.request("PUT", `rooms/${encodeURIComponent(room)}/send/org.example.note/1`, { text: "to guests" }, owner);
    await arrives(tab, "events", "to guests");
  });

  test("is found by its id in the room's state", async (t) => {
    const user = await synapse.user("alice");
    const content = { type: "m.custom", url: widget, name: "Notes", creatorUserId: user.id, data: {} };
    const room = await synapse.room([user], {
      state: [{ type: "im.vector.modular.widgets", state_key: "notes", content }],
    });
    const host = await Host.start(t, { synapse, user, room, widget: "notes" }, "--trust-origin", pages.origin);
    const tab = await Tab.open(t, browser, host.url);
    await ready(tab);
    await relays(tab);
  });
});

/** Runs `host` until it ends by itself, and gives what it said. */
async function ends(t, args, options) {
  const running = program(t, binary, ["host", "--no-open", "--listen", "127.0.0.1:0", ...args], options);
  const [code] = await running.ended;
  return { code, text: running.output() };
}

describe("a person is told", { concurrency: 3 }, () => {
  const plain = { env: { ...process.env, WIDGET_TURN_ACCESS_TOKEN: "" } };
  delete plain.env.WIDGET_TURN_ACCESS_TOKEN;

  /** What is said of a user, a room and a widget. */
  async function said(t, user, { room, shown = widget, args = [], options }) {
    const account = Host.account(t, { synapse, user });
    const { code, text } = await ends(t, [...account.rest, "--room", room, "--widget", shown, ...args], options ?? account.options);
    assert.notEqual(code, 0, text);
    assert.ok(!text.includes(user.token) && !text.includes(user.password), "no secret");
    return text;
  }

  test("that the password is wrong", async (t) => {
    const user = await synapse.user("alice");
    const room = await synapse.room([user]);
    const args = ["--password-file", secretFile(t, "another password")];
    assert.match(await said(t, user, { room, args, options: plain }), /password/i);
  });

  test("that the access token is not valid", async (t) => {
    const user = await synapse.user("alice");
    const args = ["--token-file", secretFile(t, "another token")];
    assert.match(await said(t, user, { room: "#any:test.localhost", args, options: plain }), /token/i);
  });

  test("that another program encrypts with the access token", async (t) => {
    const user = await synapse.user("alice");
    const room = await synapse.room([user], { encrypted: true });
    const other = await Host.start(t, { synapse, user, room, widget });
    const key = async () => {
      const { device_keys: keys } = await synapse.request("POST", "keys/query", { device_keys: { [user.id]: [] } }, user);
      return keys[user.id][user.device]?.keys[`ed25519:${user.device}`];
    };
    const before = await until("the device's keys", key);
    assert.match(await said(t, user, { room }), /another program encrypts for the device/);
    assert.equal(await key(), before);
    assert.equal(await other.stop(), 0);
  });

  test("that the user is no longer in the room", async (t) => {
    const [owner, user] = [await synapse.user("bob"), await synapse.user("alice")];
    const room = await synapse.room([owner, user]);
    const host = await Host.start(t, { synapse, user, room, widget });
    await synapse.request("POST", `rooms/${encodeURIComponent(room)}/kick`, { user_id: user.id }, owner);
    const [code] = await host.running.ended;
    assert.equal(code, 1);
    assert.match(host.running.output(), /is no longer in !/);
  });

  test("that there is no such room, or that it is not joined", async (t) => {
    const user = await synapse.user("alice");
    await synapse.room([user]);
    assert.match(await said(t, user, { room: "#nowhere:test.localhost" }), /no room #nowhere:test\.localhost/);
    const room = await synapse.room([await synapse.user("bob")]);
    assert.match(await said(t, user, { room }), /join/i);
  });

  test("that the room has no such widget", async (t) => {
    const user = await synapse.user("alice");
    const room = await synapse.room([user]);
    assert.match(await said(t, user, { room, shown: "no-such-widget" }), /no-such-widget/);
  });

  test("that the homeserver is not reached", async (t) => {
    const { text, code } = await ends(
      t,
      ["--homeserver", "http://127.0.0.1:9", "--user", "@a:b", "--data", folder(t), "--room", "!a", "--widget", widget],
      { env: { ...process.env, WIDGET_TURN_ACCESS_TOKEN: "any" } },
    );
    assert.notEqual(code, 0, text);
    assert.match(text, /127\.0\.0\.1:9/);
  });
});

test("a session begins by the password, is kept, and is wiped by logout", async (t) => {
  const user = await synapse.user("alice");
  const room = await synapse.room([user]);
  const data = folder(t);
  const grants = ["--grants", join(data, "grants.json")];
  const account = ["--homeserver", synapse.url, "--user", user.id, "--data", data];
  const target = ["--room", room, "--widget", widget, "--listen", "127.0.0.1:0", "--trust-origin", pages.origin];
  const options = { env: { ...process.env } };
  delete options.env.WIDGET_TURN_ACCESS_TOKEN;
  const devices = async () => (await synapse.request("GET", "devices", undefined, user)).devices.length;

  const password = join(data, "password");
  writeFileSync(password, user.password, { mode: 0o600 });
  const first = await Host.launch(t, ["host", ...account, ...grants, ...target, "--password-file", password], options);
  await ready(await Tab.open(t, browser, first.url));
  assert.equal(await first.stop(), 0);
  assert.equal(await devices(), 2);

  const second = await Host.launch(t, ["host", ...account, ...grants, ...target], options);
  const tab = await Tab.open(t, browser, second.url);
  await ready(tab);
  await relays(tab);
  assert.equal(await second.stop(), 0);
  assert.equal(await devices(), 2, "the session was used again");

  const logout = program(t, binary, ["logout", "--user", user.id, "--data", data], options);
  const [code] = await logout.ended;
  assert.equal(code, 0, logout.output());
  assert.equal(await devices(), 1);
});

test("a homeserver that was away for a while is back for the widget too; then it has no TURN", async (t) => {
  const [place, other, third] = await inRoom(["alice", "bob", "carol"]);
  const alice = await inOurs(t, place);
  const bob = await inOurs(t, other);
  await ready(alice);
  await ready(bob);

  await synapse.pause();
  await until("the loss to be told", () => alice.host.of("sync").at(-1)?.state === "offline");
  const { updates } = await alice.seen();
  const { username } = updates.at(-1);
  await until("the credentials to expire", () => Date.now() > expiry(username), 60_000);
  synapse.forgetSyncs();
  await synapse.resume();
  await until("the return to be told", () => alice.host.of("sync").at(-1)?.state === "online", 60_000);
  await until("fresh credentials", async () => (await alice.seen()).updates.at(-1).username !== username, 60_000);
  await relays(alice);
  await talk(alice, bob, "after the return");
  await talk(bob, alice, "after the return");
  await bob.host.stop();
  await alice.host.stop();

  await synapse.pause();
  await synapse.resume({});
  const without = await inOurs(t, third);
  await started(without);
  const refused = await until("the refusal", async () => (await without.seen()).marks.refused);
  assert.match(refused.message, /TURN/);
  await without.call("sendEvent", "without relays");
  await arrives(without, "events", "without relays");
  assert.equal(without.host.running.child.exitCode, null);
});
