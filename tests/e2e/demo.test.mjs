// `widget-turn demo` as a person meets it: the page, the prompt, the widget, the relay.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Demo, Tab, artifacts, binary, browse, expiry, folder, freePorts, until } from "./rig.mjs";

let browser;
before(async () => {
  browser = await browse();
});
after(() => browser.close());

/** Notes every change of the widget's credentials with the time at which the widget had them. */
async function record(tab) {
  const changes = [];
  await tab.page.exposeBinding("note", (_source, name, at) => changes.push({ name, at }));
  const frame = await (await tab.at("widget-frame").elementHandle()).contentFrame();
  await frame.evaluate(() => {
    const shown = document.querySelector('[data-testid="turn-username"]');
    const look = () => window.note(shown.textContent, Date.now());
    new MutationObserver(look).observe(shown, { childList: true, characterData: true, subtree: true });
    look();
  });
  return changes;
}

test("a widget gets credentials, calls through the relay, and has fresh ones before they expire", async (t) => {
  const demo = await Demo.start(t, "--ttl", "10s");
  const tab = await Tab.open(t, browser, demo.url);

  await tab.at("permission-allow-once").waitFor();
  const origin = new URL(demo.widget).origin;
  assert.equal(await tab.text("permission-origin"), origin);
  assert.equal(await tab.text("watch-state"), "not watching");
  await tab.page.screenshot({ path: join(artifacts, "permission.png") });

  await tab.allow();
  await tab.username();
  await tab.connected();
  assert.equal(await tab.text("watch-state"), "watching");
  assert.match(await tab.inWidget("relay-rtt").textContent(), /\d/);

  const changes = await record(tab);
  await until("three refreshes", () => changes.length >= 4);
  for (let i = 1; i < 4; i++) {
    const left = expiry(changes[i - 1].name) - changes[i].at;
    assert.ok(left > 0, `refresh ${i} came ${-left} ms after the expiry`);
    assert.notEqual(changes[i].name, changes[i - 1].name);
  }
  await tab.connected();
  await tab.page.screenshot({ path: join(artifacts, "demo.png") });

  // The bar was refilled, and what it shows is the life that is left.
  const life = tab.at("credentials-life");
  const left = Number(await life.getAttribute("aria-valuenow"));
  assert.ok(left > 0 && left <= 10, `${left} s left`);
  assert.equal(await life.getAttribute("aria-valuemax"), "10");

  // One fetch for each pair of credentials, each event told once, and no secret in any.
  assert.equal(demo.of("watch").length, 1);
  const fetches = demo.of("fetch");
  assert.ok(fetches.length >= 4 && fetches.every((fetch) => fetch.status === 200 && fetch.ttl === 10));
  assert.ok(demo.of("update").length >= 4);
  assert.deepEqual(demo.of("permission").map((event) => event.decision), ["asked", "allow_once"]);
  assert.deepEqual(demo.of("error"), []);
  assert.deepEqual(tab.errors, []);
  assert.equal(demo.running.errors(), "", "nothing is logged of what went well");
  assert.equal(await demo.stop(), 0);
});

test("the inspector shows every message, and no password", async (t) => {
  const demo = await Demo.start(t, "--ttl", "60s");
  const tab = await Tab.open(t, browser, demo.url);
  // What really goes to the widget, seen from inside its frame.
  await tab.allow();
  await tab.connected();
  const rows = tab.at("inspector-message");
  const shown = (await rows.allTextContents()).join("\n");
  for (const action of ["supported_api_versions", "content_loaded", "capabilities", "notify_capabilities", "watch_turn_servers", "update_turn_servers"]) {
    assert.ok(shown.includes(action), `${action} in ${shown}`);
  }
  const update = rows.filter({ hasText: "update_turn_servers" }).first();
  await update.locator("summary, button").first().click();
  const json = await update.textContent();
  assert.ok(json.includes('"password"'), json);
  assert.ok(!/[A-Za-z0-9+/]{27}=/.test(await tab.page.content()), "nothing like a password is in the page");

  const [download] = await Promise.all([tab.page.waitForEvent("download"), tab.at("inspector-export").click()]);
  const { readFileSync } = await import("node:fs");
  const lines = readFileSync(await download.path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  assert.ok(lines.length >= 6);
  assert.ok(!/[A-Za-z0-9+/]{27}=/.test(JSON.stringify(lines)));
  assert.deepEqual(tab.errors, []);
});

test("a widget that is denied gets nothing and is told so", async (t) => {
  const demo = await Demo.start(t);
  const tab = await Tab.open(t, browser, demo.url);
  await tab.allow("permission-deny");
  await until("the widget's words", async () => /not|denied|without/i.test(await tab.inWidget("widget-words").textContent()));
  assert.equal(await tab.inWidget("turn-username").textContent(), "–");
  assert.deepEqual(demo.of("fetch"), [], "the homeserver was not even asked");
  assert.deepEqual(demo.of("permission").map((event) => event.decision), ["asked", "deny"]);
});

test("always is remembered in a file for its owner alone, until it is taken back", async (t) => {
  const grants = join(folder(t), "private", "grants.json");
  // The same ports for every start, so that the widget's origin stays the same.
  const port = await freePorts();
  const start = () => Demo.start(t, "--grants", grants, "--listen", `127.0.0.1:${port}`);
  const first = await start();
  const tab = await Tab.open(t, browser, first.url);
  await tab.allow("permission-allow-always");
  await until("the grant", () => first.of("watch").length > 0 || first.of("permission").length === 2);
  await until("the file", () => {
    try {
      return statSync(grants).mode;
    } catch {
      return null;
    }
  });
  assert.equal(statSync(grants).mode & 0o777, 0o600);
  await first.stop();

  const second = await start();
  const again = await Tab.open(t, browser, second.url);
  await until("the handshake", async () => (await again.at("inspector-message").allTextContents()).join().includes("notify_capabilities"));
  assert.deepEqual(second.of("permission"), [], "nobody was asked");
  await second.stop();

  const origin = `http://127.0.0.1:${port + 1}`;
  const run = (...args) => execFileSync(binary, ["grants", "--grants", grants, ...args], { encoding: "utf8" });
  assert.equal(JSON.parse(run("--json"))[0].origin, origin);
  run("--revoke", origin);
  const third = await start();
  const asked = await Tab.open(t, browser, third.url);
  await asked.at("permission-deny").waitFor();
});

test("a widget that is reloaded is asked about again and gets credentials again", async (t) => {
  const demo = await Demo.start(t);
  const tab = await Tab.open(t, browser, demo.url);

  // While the question is open: it is withdrawn, and asked anew.
  await tab.at("permission-allow-once").waitFor();
  await tab.page.evaluate(() => document.getElementById("reload").click());
  await until("the question to be asked anew", () => demo.of("permission").filter((event) => event.decision === "asked").length === 2);
  assert.ok(demo.of("permission").some((event) => event.decision === "withdrawn"));
  await tab.allow();
  await tab.connected();

  // While it watches.
  await tab.at("reload-widget").click();
  await tab.allow();
  await tab.username();
  await tab.connected();
  assert.equal(demo.of("watch").length, 2);
  assert.equal(demo.of("fetch").length, 1, "the credentials in hand were still good");
  assert.deepEqual(tab.errors, []);
});

test("two tabs share one fetch, and when the last one closes the polling ends", async (t) => {
  const demo = await Demo.start(t, "--ttl", "5s");
  const tabs = [await Tab.open(t, browser, demo.url), await Tab.open(t, browser, demo.url)];
  for (const tab of tabs) {
    await tab.allow();
    await tab.connected();
  }
  assert.equal(demo.of("session").length, 2);
  const names = await Promise.all(tabs.map((tab) => tab.username()));
  const before = demo.of("fetch").length;
  await until("both to be refreshed", async () => {
    const fresh = await Promise.all(tabs.map((tab) => tab.inWidget("turn-username").textContent()));
    return fresh.every((name, i) => name !== names[i]);
  });
  // Each lifetime was fetched once, not once a tab: an update for each tab came of each fetch.
  const fetched = demo.of("fetch").length - before;
  const updates = demo.of("update").filter((event) => event.session === 2).length;
  assert.ok(fetched <= updates, `${fetched} fetches, ${updates} updates of one tab`);

  const [first, second] = tabs;
  await first.context.close();
  await second.context.close();
  await until("both sessions to end", () => demo.of("session").filter((event) => !event.open).length === 2);
  const fetches = demo.of("fetch");
  const gone = fetches.at(-1).time * 1000 + 2 * 5000;
  await until("two lifetimes to pass", () => Date.now() > gone);
  assert.equal(demo.of("fetch").length, fetches.length, "nobody watches, nothing is fetched");
});

test("a lost connection is shown", async (t) => {
  const demo = await Demo.start(t);
  const tab = await Tab.open(t, browser, demo.url);
  await tab.allow();
  await tab.connected();
  await demo.stop();
  await until("the page to notice", async () => (await tab.at("connection-state").getAttribute("data-state")) !== "connected");
  assert.ok((await tab.text("notice")).trim().length > 0);
});

for (const [name, options] of [
  ["dark", { colorScheme: "dark" }],
  ["phone", { viewport: { width: 390, height: 844 } }],
]) {
  test(`the page is whole: ${name}`, async (t) => {
    const demo = await Demo.start(t);
    const tab = await Tab.open(t, browser, demo.url, options);
    await tab.allow();
    await tab.connected();
    await tab.page.screenshot({ path: join(artifacts, `${name}.png`) });
    const wide = await tab.page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.equal(wide, false, "nothing overflows");
    assert.deepEqual(tab.errors, []);
  });
}
