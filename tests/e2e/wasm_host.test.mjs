// A host in Rust that all runs in the browser: its tasks, its timers, its requests to the homeserver.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { before, test } from "node:test";
import { Tab, browse, file, root, rustUsernames, until } from "./rig.mjs";
import { folderSite, site } from "./site.mjs";

const here = file();
const host = join(root, "examples", "wasm-host");
const widget = join(root, "examples", "wasm-widget");
const MINUTE = 60_000;
let browser;
let hosts;
/** The pages of the widgets: one in Rust, and one on npm's WidgetApi. */
const widgets = {};

before(async () => {
  for (const built of [join(host, "pkg", "wasm_host.js"), join(widget, "pkg", "wasm_widget.js")]) {
    assert.ok(existsSync(built), `expected ${built}: run the ./build of the example`);
  }
  hosts = await folderSite(here, host);
  widgets.rust = `${(await folderSite(here, widget)).origin}/`;
  widgets.npm = `${(await site(here, "widgets/widget_api")).origin}/widget_api?announce=yes`;
  browser = await browse();
  here.after(() => browser.close());
});

/** The one endpoint of a homeserver, with credentials that are others each time. */
class Homeserver {
  /** The tokens it was asked with. */
  asked = [];
  /** Requests that ended before their answer. */
  brokenOff = 0;
  /** Answers instead of credentials, the first ones first; one of `null` never comes. */
  instead = [];

  static async start(test, ttl) {
    const homeserver = new this();
    const server = createServer((request, response) => homeserver.#answer(request, response, ttl));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    test.after(() => {
      server.closeAllConnections();
      server.close();
    });
    homeserver.url = `http://127.0.0.1:${server.address().port}`;
    return homeserver;
  }

  #answer(request, response, ttl) {
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "Authorization");
    if (request.method === "OPTIONS") {
      response.writeHead(204).end();
      return;
    }
    assert.equal(request.url, "/_matrix/client/v3/voip/turnServer");
    this.asked.push(request.headers.authorization);
    response.once("close", () => (this.brokenOff += response.writableFinished ? 0 : 1));
    const other = this.instead.shift();
    if (other === null) {
      return;
    }
    const uris = ["turn:127.0.0.1:3999?transport=udp"];
    const body = other?.body ?? { username: `u${this.asked.length}`, password: "secret", uris, ttl };
    response.writeHead(other?.status ?? 200, { "content-type": "application/json" }).end(JSON.stringify(body));
  }
}

/** A tab on the host's page. `clock` is one that stands still unless the test moves it. */
async function hosted(t, homeserver, url, { clock = false, interval = 30 } = {}) {
  const tab = await Tab.open(t, browser, "about:blank");
  const { page } = tab;
  await page.addInitScript(() => {
    const { fetch } = window;
    // When the page asked, by its own clock.
    window.fetched = [];
    window.fetch = (...given) => {
      if (String(given[0]).includes("/turnServer")) {
        window.fetched.push(Date.now());
      }
      return fetch(...given);
    };
  });
  if (clock) {
    await page.clock.install();
  }
  await page.goto(`${hosts.origin}/`);
  const settings = { homeserver: homeserver.url, user: "@alice:example.org", token: "secret-token", widget: url, interval };
  for (const [id, value] of Object.entries(settings)) {
    await page.locator(`#${id}`).fill(String(value));
  }
  await page.locator("#open").click();
  const text = (id) => page.locator(`#${id}`).textContent();
  const frame = page.frameLocator("#frame iframe");
  return {
    tab,
    page,
    press: (id) => page.locator(`#${id}`).click(),
    says: (id, words) => until(`"${words}" in ${id}`, async () => (await text(id)).includes(words)),
    fetched: () => page.evaluate(() => window.fetched),
    /** The user names of all credentials that the widget was given since its page was loaded. */
    given: async () =>
      url === widgets.npm ? ((await tab.seen())?.updates ?? []).map((update) => update.username) : rustUsernames(frame),
    state: () => frame.locator("#state").textContent(),
  };
}

async function holds(shown, expected) {
  await until(`the credentials ${expected}`, async () => (await shown.given()).join() === expected.join());
}

test("the modules import nothing but what wasm-bindgen gives them", () => {
  for (const module of [join(host, "pkg", "wasm_host_bg.wasm"), join(widget, "pkg", "wasm_widget_bg.wasm")]) {
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(module)));
    const from = [...new Set(imports.map((one) => one.module))];
    assert.deepEqual(from, [`./${module.split("/").at(-1).replace(".wasm", ".js")}`]);
  }
});

for (const kind of ["rust", "npm"]) {
  test(`a widget (${kind}) is supplied, and again before each expiry, by the browser's timer and fetch`, async (t) => {
    const homeserver = await Homeserver.start(t, 6);
    const shown = await hosted(t, homeserver, widgets[kind], { interval: 1 });
    await shown.says("question", "May http://127.0.0.1:");
    assert.deepEqual(homeserver.asked, [], "nothing is fetched before somebody allows it");
    await shown.press("allow");
    await shown.says("status", "is kept supplied");
    await until("three credentials", async () => (await shown.given()).length >= 3);
    assert.deepEqual((await shown.given()).slice(0, 3), ["u1", "u2", "u3"]);
    assert.ok(homeserver.asked.every((token) => token === "Bearer secret-token"));
    assert.deepEqual(shown.tab.errors, []);
  });
}

test("by the page's clock it refreshes in time, notices sleep, and ends when it is closed", async (t) => {
  const homeserver = await Homeserver.start(t, 3600);
  const shown = await hosted(t, homeserver, widgets.rust, { clock: true });
  const { clock } = shown.page;
  await shown.press("allow");
  await holds(shown, ["u1"]);

  // By leaps, after which what is due is done: no request is under way meanwhile, and runs into a limit.
  const fetchedOnce = async (count) =>
    until(`${count} requests`, async () => {
      const fetched = await shown.fetched();
      return fetched.length >= count ? fetched : clock.fastForward(20_000);
    });
  const [first, second] = await fetchedOnce(2);
  const passed = (second - first) / MINUTE;
  assert.ok(passed >= 42 && passed <= 48.5, `of 60 minutes ${passed} had passed, with a margin of 12 to 18`);
  await holds(shown, ["u1", "u2"]);

  const woken = (await shown.page.evaluate(() => Date.now())) + 120 * MINUTE;
  await clock.setSystemTime(woken);
  const [, , third] = await fetchedOnce(3);
  assert.ok(third - woken <= 50_000, `it noticed ${third - woken} ms after it woke`);
  await holds(shown, ["u1", "u2", "u3"]);

  await shown.press("close");
  await until("the end of the frame", async () => (await shown.page.locator("iframe").count()) === 0);
  await clock.runFor(180 * MINUTE);
  assert.equal((await shown.fetched()).length, 3, "nobody watches any more");
  assert.deepEqual(shown.tab.errors, []);
});

test("a reloaded widget is asked about again, and gets what there is without a request", async (t) => {
  const homeserver = await Homeserver.start(t, 3600);
  const shown = await hosted(t, homeserver, widgets.rust);
  await shown.press("allow");
  await holds(shown, ["u1"]);
  await shown.press("reload");
  await shown.says("status", "asks for them");
  await shown.press("allow");
  await holds(shown, ["u1"]);
  assert.equal(homeserver.asked.length, 1);
});

test("a widget that is denied hears so, and nothing is fetched for it", async (t) => {
  const homeserver = await Homeserver.start(t, 3600);
  const shown = await hosted(t, homeserver, widgets.rust);
  await shown.press("deny");
  await until("the refusal", async () => (await shown.state()).includes("was not granted"));
  await shown.says("status", "may not have them");
  assert.deepEqual(homeserver.asked, []);
});

test("signing out ends the request under way", async (t) => {
  const homeserver = await Homeserver.start(t, 3600);
  homeserver.instead.push(null);
  const shown = await hosted(t, homeserver, widgets.rust);
  await shown.press("allow");
  await until("the request", async () => homeserver.asked.length === 1);
  assert.equal(homeserver.brokenOff, 0);
  await shown.press("sign-out");
  await until("the end of the request", async () => homeserver.brokenOff === 1);
  await shown.says("supply", "signed out");
});

test("a homeserver that fails is asked again by itself, one that refuses is not", async (t) => {
  const homeserver = await Homeserver.start(t, 3600);
  homeserver.instead.push({ status: 502, body: "bad gateway" });
  const shown = await hosted(t, homeserver, widgets.rust);
  await shown.press("allow");
  await shown.says("supply", "gives none at present");
  await holds(shown, ["u2"]);
  await shown.press("close");

  homeserver.instead.push({ status: 403, body: { errcode: "M_FORBIDDEN", error: "no guests" } });
  const refused = await hosted(t, homeserver, widgets.rust);
  await refused.press("allow");
  await refused.says("supply", "the homeserver refuses them (403 M_FORBIDDEN)");
  await until("the reason in the widget", async () => (await refused.state()).includes("the homeserver refuses them"));
});

test("a widget of the host's own origin is not shown", async (t) => {
  const homeserver = await Homeserver.start(t, 3600);
  const shown = await hosted(t, homeserver, `${hosts.origin}/`);
  await shown.says("fault", "of another origin than this page");
  assert.equal(await shown.page.locator("iframe").count(), 0);
});

test("what another window says is not heard, though it is of the widget's origin", async (t) => {
  const homeserver = await Homeserver.start(t, 3600);
  const shown = await hosted(t, homeserver, widgets.rust);
  await shown.press("allow");
  await shown.says("status", "is kept supplied");
  const { page } = shown;
  await page.evaluate((src) => {
    document.body.append(Object.assign(document.createElement("iframe"), { src }));
  }, `${widgets.rust}none`);
  const other = await until("the other window", () => page.frames().find((frame) => frame.url().endsWith("/none")));
  await forge(page, other, "unwatch_turn_servers");
  assert.ok((await page.locator("#status").textContent()).includes("is kept supplied"));
});

test("what a page of another origin says in the widget's place is not heard", async (t) => {
  const homeserver = await Homeserver.start(t, 3600);
  const shown = await hosted(t, homeserver, widgets.rust);
  await shown.press("allow");
  await shown.says("status", "is kept supplied");
  const { page } = shown;
  const frame = await (await page.locator("#frame iframe").elementHandle()).contentFrame();
  await frame.goto(`${new URL(widgets.npm).origin}/other`);
  await shown.says("status", "has not asked for them");
  await forge(page, frame, "org.matrix.msc2974.request_capabilities", { capabilities: ["m.turn_servers"] });
  assert.ok(await page.locator("#prompt").isHidden());
});

/** Says in this frame what the widget could say, until the page has heard it. */
async function forge(page, frame, action, data = {}) {
  await page.evaluate(() => {
    window.heard = new Promise((resolve) =>
      // After the task in which the host would have done what it was asked for.
      window.addEventListener("message", ({ data }) => data.requestId === "forged" && setTimeout(resolve)),
    );
  });
  const message = { api: "fromWidget", widgetId: "wasm-host", requestId: "forged", action, data };
  await frame.evaluate((message) => parent.postMessage(message, "*"), message);
  await page.evaluate(() => window.heard);
}
