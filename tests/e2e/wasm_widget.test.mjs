// A widget in Rust, in the real browser: in npm's host and in ours.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { Demo, PATIENCE, Tab, browse, expiry, file, root, rustUsernames, until } from "./rig.mjs";
import { folderSite, site } from "./site.mjs";

const here = file();
const widget = join(root, "examples", "wasm-widget");
let browser;
let hosts;
let widgets;

before(async () => {
  assert.ok(existsSync(join(widget, "pkg", "wasm_widget.js")), "expected examples/wasm-widget to be built: run its ./build");
  hosts = await site(here, "reference/npm_turn_host");
  widgets = await folderSite(here, widget);
  browser = await browse();
  here.after(() => browser.close());
});

/** What the widget says of itself. */
function seen(frame) {
  const text = (id) => frame.locator(`#${id}`).textContent();
  return {
    usernames: () => rustUsernames(frame),
    state: () => text("state"),
    relay: () => text("relay"),
    toggle: () => frame.locator("#toggle").click(),
  };
}

/** The widget in npm's ClientWidgetApi. */
async function inNpmHost(t, options = {}) {
  const tab = await Tab.open(t, browser, `${hosts.origin}/npm_turn_host`);
  tab.page.setDefaultTimeout(PATIENCE);
  await tab.page.addInitScript(() => {
    window.connections = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(...given) {
        super(...given);
        window.connections.push(this);
      }
    };
  });
  await tab.page.evaluate((given) => window.host(given), { url: `${widgets.origin}/`, ...options });
  const said = (action) =>
    tab.page.evaluate((name) => window.messages.filter((message) => message.action === name), action);
  return {
    ...seen(tab.widget),
    tab,
    /** So many connections of the widget are open. */
    connections: (count) =>
      until(`${count} open connections`, () =>
        tab.frame().evaluate(
          (wanted) => window.connections.filter(({ signalingState }) => signalingState !== "closed").length === wanted,
          count,
        ),
      ),
    give: (username) => tab.page.evaluate((name) => window.give(name), username),
    said,
    /** So many messages of the widget about this action, at least. */
    saidOnce: (action, count = 1) =>
      until(`${count} × ${action}`, async () => {
        const messages = await said(action);
        return messages.length >= count ? messages : null;
      }),
  };
}

async function holds(widget, expected) {
  await until(`the credentials ${expected}`, async () => {
    const usernames = await widget.usernames();
    return usernames.join() === expected.join();
  });
}

for (const waitForIframeLoad of [false, true]) {
  test(`in npm's ClientWidgetApi it gets and keeps credentials, with one watch (load event: ${waitForIframeLoad})`, async (t) => {
    const widget = await inNpmHost(t, { waitForIframeLoad });
    await widget.give("u1");
    await holds(widget, ["u1"]);
    await widget.give("u2");
    await widget.give("u3");
    await holds(widget, ["u1", "u2", "u3"]);
    assert.equal(await widget.state(), "Ready.");
    assert.equal(await widget.relay(), "connecting", "the browser took the servers, which are not there");
    assert.equal((await widget.said("watch_turn_servers")).length, 1);
    const answers = await widget.said("update_turn_servers");
    assert.deepEqual(answers.map((answer) => answer.response), [{}, {}, {}], "each update is answered once");
    assert.deepEqual(widget.tab.errors, []);
  });
}

test("in npm's ClientWidgetApi it does not watch what it was not granted", async (t) => {
  const widget = await inNpmHost(t, { refused: ["town.robin.msc3846.turn_servers"] });
  await until("the refusal", async () => (await widget.state()).includes("was not granted"));
  assert.deepEqual(await widget.said("watch_turn_servers"), []);
});

test("in npm's ClientWidgetApi it watches again after a failure that may pass", async (t) => {
  const widget = await inNpmHost(t, { failures: 1 });
  await until("the outage", async () => (await widget.state()).includes("no TURN servers at present"));
  await widget.give("u1");
  await holds(widget, ["u1"]);
  assert.equal((await widget.said("watch_turn_servers")).length, 2);
});

test("in npm's ClientWidgetApi it leaves at once, and comes back to a host that has not noticed", async (t) => {
  const widget = await inNpmHost(t);
  await widget.give("u1");
  await holds(widget, ["u1"]);
  await widget.toggle();
  // The host answers at its next refresh only.
  await widget.saidOnce("unwatch_turn_servers");
  await widget.toggle();
  await holds(widget, ["u1", "u1"]);
  await widget.saidOnce("watch_turn_servers", 2);
  await widget.give("u2");
  // Now the host ends the watch that it had taken for one in force.
  await widget.saidOnce("watch_turn_servers", 3);
  await widget.give("u3");
  await until("the newest credentials", async () => (await widget.usernames()).at(-1) === "u3");
});

test("when it is stopped it closes its connection, and when it gets newer credentials the one before", async (t) => {
  const widget = await inNpmHost(t);
  await widget.give("u1");
  await holds(widget, ["u1"]);
  // Both ends of a connection are in the page.
  await widget.connections(2);
  await widget.give("u2");
  await holds(widget, ["u1", "u2"]);
  await widget.connections(2);
  await widget.toggle();
  await widget.connections(0);
  assert.equal(await widget.relay(), "none");
  await widget.saidOnce("unwatch_turn_servers");
  await widget.toggle();
  await widget.connections(2);
  assert.deepEqual(widget.tab.errors, []);
});

test("in npm's ClientWidgetApi a reloaded page gets the next credentials", async (t) => {
  const widget = await inNpmHost(t);
  await widget.give("u1");
  await holds(widget, ["u1"]);
  const frame = await (await widget.tab.at("widget-frame").elementHandle()).contentFrame();
  await frame.evaluate(() => location.reload());
  await widget.saidOnce("watch_turn_servers", 2);
  await widget.give("u2");
  await holds(widget, ["u2"]);
});

test("what another window says is not heard", async (t) => {
  const widget = await inNpmHost(t);
  await widget.give("u1");
  await holds(widget, ["u1"]);
  await widget.tab.page.evaluate(async () => {
    const update = {
      api: "toWidget",
      widgetId: "npm-host",
      requestId: "forged",
      action: "update_turn_servers",
      data: { uris: ["turn:127.0.0.1:3999"], username: "forged", password: "p" },
    };
    const other = document.createElement("iframe");
    // Of the host's own origin, and not the host.
    other.srcdoc = `<script>parent.frames[0].postMessage(${JSON.stringify(update)}, "*")</script>`;
    const loaded = new Promise((resolve) => other.addEventListener("load", resolve));
    document.body.append(other);
    await loaded;
  });
  await widget.give("u2");
  await holds(widget, ["u1", "u2"]);
});

test("with a host of another origin than the one in its URL it does not speak, nor listen", async (t) => {
  const tab = await Tab.open(t, browser, `${hosts.origin}/npm_turn_host`);
  const source = `${widgets.origin}/?widgetId=w&parentUrl=https%3A%2F%2Fhost.example%2F`;
  await tab.page.evaluate((src) => {
    window.addEventListener("message", ({ data }) => window.messages.push(data));
    const frame = Object.assign(document.createElement("iframe"), { src });
    frame.dataset.testid = "widget-frame";
    document.body.append(frame);
  }, source);
  const widget = seen(tab.widget);
  await until("the widget to begin", async () => (await widget.state()).includes("Waiting"));
  await tab.frame().evaluate(() => window.addEventListener("message", () => parent.postMessage("heard", "*")));
  await tab.page.evaluate(() => {
    const data = { uris: ["turn:127.0.0.1:3999"], username: "forged", password: "p" };
    const update = { api: "toWidget", widgetId: "w", requestId: "1", action: "update_turn_servers", data };
    window.frames[0].postMessage(update, "*");
  });
  const heard = await until("the update to be there", async () => {
    const messages = await tab.page.evaluate(() => window.messages);
    return messages.includes("heard") ? messages : null;
  });
  assert.deepEqual(heard, ["heard"]);
  assert.deepEqual(await widget.usernames(), []);
});

test("in our host it connects through the relay, anew with each refresh, and after a reload", async (t) => {
  const demo = await Demo.start(t, "--ttl", "6s", "--widget", `${widgets.origin}/`);
  const tab = await Tab.open(t, browser, demo.url);
  const widget = seen(tab.widget);
  const connected = (count) =>
    until(`${count} credentials and a connection`, async () => {
      const usernames = await widget.usernames();
      return usernames.length >= count && (await widget.relay()) === "connected" ? usernames : null;
    });
  await tab.allow();
  const usernames = await connected(3);
  assert.equal(new Set(usernames).size, usernames.length, "each is another one");
  assert.ok(expiry(usernames.at(-1)) > Date.now() - PATIENCE);
  assert.equal(await tab.text("watch-state"), "watching");

  await widget.toggle();
  await until("the end of the watch", async () => (await tab.text("watch-state")) === "not watching");
  await widget.toggle();
  await connected(usernames.length + 1);

  await tab.at("reload-widget").click();
  await tab.allow();
  await connected(2);
  assert.deepEqual(demo.of("error"), []);
  assert.deepEqual(tab.errors, []);
});

test("in our host it says so when it is denied", async (t) => {
  const demo = await Demo.start(t, "--widget", `${widgets.origin}/`);
  const tab = await Tab.open(t, browser, demo.url);
  await tab.allow("permission-deny");
  await until("the refusal", async () => (await seen(tab.widget).state()).includes("was not granted"));
});

test("without a host it says what is missing", async (t) => {
  const tab = await Tab.open(t, browser, `${widgets.origin}/`);
  await until("the reason", async () => (await tab.page.locator("#state").textContent()).includes("expected to be opened by a host"));
});
