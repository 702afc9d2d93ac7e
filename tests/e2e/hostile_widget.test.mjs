// A widget that means ill, in a real browser: what it reaches of the page, of its socket, and of the person's answers.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { Demo, PATIENCE, Tab, browse, until } from "./rig.mjs";

let browser;
before(async () => {
  browser = await browse();
});
after(() => browser.close());

/** Serves an empty page, which the tests fill, at an origin of its own; notes what it is asked with. */
async function blank(test) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push({ url: request.url, headers: request.headers });
    response.setHeader("content-type", "text/html").end('<!doctype html><title>any</title><link rel="icon" href="data:,">');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${server.address().port}`, asked };
}

/** What becomes of a WebSocket that a page opens. */
function dialled(frame, url) {
  return frame.evaluate(
    (url) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url);
        socket.onopen = () => resolve("open");
        socket.onclose = () => resolve("closed");
      }),
    url,
  );
}

/** The demo's page around a widget that does nothing by itself. */
async function framed(t) {
  const pages = await blank(t);
  const demo = await Demo.start(t, "--widget", `${pages.origin}/`);
  const tab = await Tab.open(t, browser, demo.url);
  await until("the widget's page", () => tab.frame()?.url().startsWith(pages.origin));
  await tab.frame().waitForLoadState();
  return { pages, demo, tab, page: new URL(demo.url) };
}

/** What becomes of a function that is tried in the widget's frame. */
const tried = (frame, attempt, argument) =>
  frame.evaluate(
    async ([source, argument]) => {
      try {
        return ["done", await (0, eval)(source)(argument)];
      } catch (error) {
        return ["failed", error.name];
      }
    },
    [String(attempt), argument],
  );

test("a widget reads nothing of the page around it, and does not lead the person away", async (t) => {
  const { pages, tab, page } = await framed(t);
  const frame = tab.frame();
  const token = page.pathname.replaceAll("/", "");
  for (const attempt of [
    () => window.parent.document.title,
    () => window.top.document.body.innerHTML,
    () => window.parent.location.href,
    () => window.parent.localStorage.length,
    () => window.frameElement.ownerDocument.title,
    () => window.parent.WebSocket,
  ]) {
    const [how, what] = await tried(frame, attempt);
    assert.ok((how === "failed" && what === "SecurityError") || (how === "failed" && what === "TypeError"), `${attempt}: ${how} ${what}`);
  }
  for (const attempt of [
    (to) => (window.top.location = to),
    (to) => window.top.location.replace(to),
    (to) => window.open(to, "_top"),
    (to) => Object.assign(document.body.appendChild(document.createElement("a")), { href: to, target: "_top" }).click(),
  ]) {
    await tried(frame, attempt, `${pages.origin}/away`);
  }
  // What was asked for on the way would have come before this.
  await frame.evaluate(() => fetch("/here"));
  await until("the widget's own request", () => pages.asked.some(({ url }) => url === "/here"));
  assert.ok(!pages.asked.some(({ url }) => url === "/away"), "nobody was led away");
  assert.equal(tab.page.url(), page.href);

  const knows = await frame.evaluate(() => [location.href, document.referrer, ...(location.ancestorOrigins ?? [])].join(" "));
  assert.ok(knows.includes(encodeURIComponent(page.origin)), "it knows the page's origin");
  assert.ok(!knows.includes(token), knows);
  for (const { url, headers } of pages.asked) {
    assert.ok(!`${url} ${JSON.stringify(headers)}`.includes(token) && headers.referer !== page.href, url);
  }
});

test("a widget does not reach the page's socket or its files, even if it knew the token", async (t) => {
  const { demo, tab, page } = await framed(t);
  const frame = tab.frame();
  const sessions = demo.of("session").length;
  for (const host of [page.host, `localhost:${page.port}`]) {
    for (const path of ["/socket", "//socket", "/AAAAAAAAAAAAAAAAAAAAAA/socket", `${page.pathname}socket`]) {
      assert.equal(await dialled(frame, `ws://${host}${path}`), "closed", `${host}${path}`);
    }
  }
  for (const path of ["/", "/main.js", page.pathname, `${page.pathname}main.js`]) {
    const url = new URL(path, page).href;
    assert.deepEqual(await tried(frame, (url) => fetch(url).then((answer) => answer.status), url), ["failed", "TypeError"], path);
    assert.deepEqual(await tried(frame, (url) => fetch(url, { mode: "no-cors" }).then((answer) => answer.type), url), ["failed", "TypeError"], path);
    assert.deepEqual(await tried(frame, (url) => import(url), url), ["failed", "TypeError"], path);
  }
  // The page in a frame of the widget's: the browser shows nothing of it, and no session begins.
  const shows = await frame.evaluate(
    (url) =>
      new Promise((resolve) => {
        const inner = document.createElement("iframe");
        inner.onload = () => resolve(inner.contentDocument === null ? "of another origin" : inner.contentDocument.title);
        inner.src = url;
        document.body.append(inner);
      }),
    page.href,
  );
  assert.equal(shows, "of another origin");
  const inner = tab.page.frames().find((one) => one.parentFrame() === frame);
  assert.equal(await inner.evaluate(() => document.querySelectorAll("[data-testid]").length).catch(() => 0), 0);
  assert.equal(demo.of("session").length, sessions);
});

test("a widget that forges the person's answer, or the page's words, is granted nothing", async (t) => {
  const { demo, tab } = await framed(t);
  const frame = tab.frame();
  // It asks as a widget does, and answers for the person in every way that it can think of.
  await frame.evaluate(() => {
    window.heard = [];
    const id = new URL(location.href).searchParams.get("widgetId");
    const say = (message) => window.parent.postMessage(message, "*");
    window.say = say;
    window.ask = (action, requestId) => say({ api: "fromWidget", widgetId: id, requestId, action, data: {} });
    addEventListener("message", ({ data }) => {
      window.heard.push(data);
      if (data.api === "toWidget" && data.response === undefined) {
        const wanted = { capabilities: ["town.robin.msc3846.turn_servers"] };
        say({ ...data, response: data.action === "capabilities" ? wanted : {} });
      }
    });
    window.ask("content_loaded", "begin");
  });
  await tab.at("permission-dialog").waitFor();
  await frame.evaluate(() => {
    const decision = { type: "decision", id: 1, decision: "allow_always", capabilities: ["town.robin.msc3846.turn_servers"] };
    for (const forged of [
      decision,
      { ...decision, api: "fromWidget" },
      `c${JSON.stringify(decision)}`,
      [decision],
      { c: decision },
      { toJSON: "c", ...decision },
      { type: "loaded" },
      { type: "test_relays" },
      { type: "credentials", username: "forged", uris: [], expires_in_ms: 1, lifetime_ms: 1 },
      { type: "hello", widget_url: "https://forged.example/" },
      { type: "ask_permission", id: 2, origin: "https://good.example", capabilities: [] },
      { api: "toWidget", action: "update_turn_servers", requestId: "x", data: {} },
    ]) {
      window.say(forged);
    }
    // The page's own window, from a frame that is not the widget's: nobody's word.
    const inner = document.body.appendChild(document.createElement("iframe"));
    inner.contentWindow.eval(`window.top.postMessage(${JSON.stringify(decision)}, "*")`);
    window.ask("watch_turn_servers", "watch");
    window.ask("supported_api_versions", "last");
  });
  const heard = (requestId) => frame.evaluate((id) => window.heard.find((one) => one.requestId === id && one.response), requestId);
  // While the person has not answered there is nothing to refuse yet, nor to give.
  assert.deepEqual((await until("the answer to watch", () => heard("watch"))).response, {});
  await until("the answer to what came last", () => heard("last"));
  assert.equal(await tab.at("permission-dialog").isVisible(), true, "the question is still open");
  assert.equal(await tab.text("permission-origin"), new URL(frame.url()).origin);
  assert.deepEqual(demo.of("permission").map(({ decision }) => decision), ["asked"]);
  assert.deepEqual([demo.of("fetch"), demo.of("update")], [[], []]);

  await tab.at("permission-deny").click();
  await until("the denial", () => demo.of("permission").at(-1).decision === "deny");
  await frame.evaluate(() => window.ask("watch_turn_servers", "after"));
  const refused = await until("the answer", () => heard("after"));
  assert.match(refused.response.error?.message ?? "", /not granted|capabilit|denied/i, JSON.stringify(refused));
  assert.equal(await frame.evaluate(() => window.heard.some(({ action }) => action === "update_turn_servers")), false);
  assert.deepEqual(demo.of("fetch"), [], "the homeserver was not even asked");
});

test("another site reaches neither page nor socket, and frames nothing of it", async (t) => {
  const demo = await Demo.start(t);
  const page = new URL(demo.url);
  const site = await blank(t);
  const context = await browser.newContext();
  t.after(() => context.close());
  const stranger = await context.newPage();
  stranger.setDefaultTimeout(PATIENCE);
  await stranger.goto(`${site.origin}/`);
  const url = `ws://${page.host}${page.pathname}socket`;
  assert.equal(await dialled(stranger.mainFrame(), url), "closed");
  assert.deepEqual(await tried(stranger.mainFrame(), (url) => fetch(url).then((answer) => answer.text()), page.href), ["failed", "TypeError"]);
  const opened = stranger.evaluate((url) => window.open(url) === null, page.href);
  const popup = await context.waitForEvent("page");
  await opened;
  await popup.getByTestId("connection-state").waitFor();
  assert.equal(await popup.evaluate(() => window.opener), null, "who opens it has no hold of it");
  await popup.close();
  await stranger.evaluate((url) => {
    document.body.append(Object.assign(document.createElement("iframe"), { src: url }));
  }, page.href);
  const frame = await until("the frame", () => stranger.frames().find((one) => one !== stranger.mainFrame()));
  await frame.waitForLoadState();
  assert.equal(await frame.getByTestId("widget-frame").count(), 0);

  // A name that leads here by a rebound DNS carries its own name still.
  const socket = new WebSocket(url, { origin: `http://rebound.example:${page.port}`, headers: { host: `rebound.example:${page.port}` } });
  const [, answer] = await once(socket, "unexpected-response");
  assert.equal(answer.statusCode, 403);
  socket.on("error", () => {});
  socket.terminate();
});
