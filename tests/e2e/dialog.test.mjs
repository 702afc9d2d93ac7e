// What a person is asked and told, whatever a widget does: the dialog, the notices, the inspector.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Demo, Tab, artifacts, browse, until } from "./rig.mjs";

const TURN = "town.robin.msc3846.turn_servers";
const READ = "org.matrix.msc2762.receive.event:m.room.message";
const HOSTILE = "<img src=x onerror=alert(1)>\u202egnp\u0000";

/** A widget that does what the test has it do. */
const WIDGET = `<!doctype html><title>widget</title><link rel="icon" href="data:,"><script>
  const query = new URLSearchParams(location.search);
  const heard = (window.heard = []);
  window.say = (message) => parent.postMessage({ widgetId: query.get("widgetId"), ...message }, query.get("parentUrl"));
  window.ask = (requestId, action, data = {}) => say({ api: "fromWidget", requestId, action, data });
  addEventListener("message", ({ data }) => {
    heard.push(data);
    if (data.api === "toWidget" && data.action === "capabilities") {
      say({ ...data, response: { capabilities: JSON.parse(query.get("wants")) } });
    } else if (data.api === "toWidget") {
      say({ ...data, response: {} });
    }
  });
  ask("loaded", "content_loaded");
</script>`;

let browser;
let site;
let origin;
before(async () => {
  site = createServer((_request, response) => response.setHeader("content-type", "text/html").end(WIDGET));
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  origin = `http://127.0.0.1:${site.address().port}`;
  browser = await browse();
});
after(async () => {
  await browser.close();
  site.closeAllConnections();
  site.close();
});

/** A demo with the widget. */
function demonstrate(t, wants) {
  return Demo.start(t, "--widget", `${origin}/?wants=${encodeURIComponent(JSON.stringify(wants))}`);
}

async function frameOf(tab) {
  return (await tab.at("widget-frame").elementHandle()).contentFrame();
}

/** The widget in a demo, in a tab whose socket the test listens to and speaks into. */
async function host(t, wants, { rewrite = (frame) => frame, ...options } = {}) {
  const demo = await demonstrate(t, wants);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  const decisions = [];
  const line = {};
  await page.routeWebSocket(/\/socket$/, (socket) => {
    const server = socket.connectToServer();
    line.tell = (control) => socket.send(`c${JSON.stringify(control)}`);
    server.onMessage((frame) => socket.send(rewrite(frame)));
    socket.onMessage((frame) => {
      if (frame.startsWith("c") && frame.includes('"decision"')) {
        decisions.push(JSON.parse(frame.slice(1)));
      }
      server.send(frame);
    });
  });
  const tab = await Tab.on(page, demo.url);
  return { demo, tab, decisions, line };
}

/** Has the page ask about these, as a host would that has them. */
function asking(capabilities, held = []) {
  return (frame) => {
    if (!frame.startsWith('c{"type":"ask_permission"')) {
      return frame;
    }
    return `c${JSON.stringify({ ...JSON.parse(frame.slice(1)), capabilities, held })}`;
  };
}

function capability(group, name, words = null, shown = name) {
  return { name, shown, group, words };
}

const MANY = [
  capability("turn", TURN, "use your homeserver’s relay servers (TURN) for its calls"),
  capability("read", READ, "read messages"),
  capability("read", "org.matrix.msc2762.receive.state_event:m.room.member", "read who is in the room"),
  capability("read", "org.matrix.msc2762.receive.state_event:m.room.name#", "read the room’s name (only with an empty state key)"),
  capability("send", "org.matrix.msc2762.send.event:m.reaction", "send reactions as you"),
  capability("send", "org.matrix.msc2762.send.state_event:m.room.power_levels", "change who may do what in the room as you"),
  capability("devices", "org.matrix.msc3819.send.to_device:m.call.invite", "send the signals that calls are made with to people’s devices as you"),
  capability("other", "org.matrix.msc4157.send.delayed_event", "schedule what it may send, to be sent later even if it is closed by then"),
  capability("other", "org.example.unknown:thing"),
];

async function ticked(tab) {
  return tab.at("permission-capability").evaluateAll((boxes) => boxes.filter((box) => box.checked).map((box) => box.dataset.capability));
}

test("a widget that asks for more than TURN: the person sees all of it, and what this host has not is refused", async (t) => {
  const { demo, tab, decisions } = await host(t, [READ, HOSTILE, TURN]);
  const boxes = tab.at("permission-capability");
  await boxes.first().waitFor();
  assert.deepEqual(await boxes.evaluateAll((all) => all.map((box) => box.dataset.capability)), [TURN]);
  assert.deepEqual(await ticked(tab), [TURN], "the one thing to decide on is ticked");
  assert.equal(await tab.at("permission-all").isVisible(), false);

  const missing = tab.at("permission-unavailable");
  assert.match(await missing.textContent(), /2 things that this host does not have/);
  await missing.locator("summary").click();
  assert.match(await missing.textContent(), /read messages/i);
  assert.ok((await missing.textContent()).includes("<img src=x onerror=alert(1)>\\u{202e}gnp\\u{0}"));
  assert.equal(await missing.locator("img").count(), 0);

  await tab.allow();
  const frame = await frameOf(tab);
  const notify = await until("the answer", () => frame.evaluate(() => window.heard.find(({ action }) => action === "notify_capabilities")));
  assert.deepEqual(notify.data.approved, [TURN]);
  assert.deepEqual(decisions.map(({ decision, capabilities }) => [decision, capabilities]), [["allow_once", [TURN]]]);
  assert.deepEqual(demo.of("permission").at(-1).capabilities, [TURN]);

  // An action that the host lacks is marked so, and found.
  await frame.evaluate(() => window.ask("n", "org.matrix.msc2931.navigate", { uri: "https://matrix.to/#/!room:localhost" }));
  const row = tab.at("inspector-message").filter({ hasText: "navigate" });
  await until("the mark", async () => (await row.getAttribute("data-answer")) === "unsupported");
  assert.match(await row.textContent(), /not supported \d/);
  await tab.at("inspector-kind").selectOption("handshake");
  await until("the filter", async () => (await row.count()) === 0);
  assert.ok((await tab.at("inspector-message").allTextContents()).join().includes("notify_capabilities"));
  await tab.at("inspector-side").selectOption("widget");
  await until("the other filter", async () => !(await tab.at("inspector-message").allTextContents()).join().includes("notify_capabilities"));
  assert.deepEqual(tab.errors, []);
});

test("a single thing that is not TURN is not ticked for the person", async (t) => {
  const { tab, decisions } = await host(t, [TURN], { rewrite: asking([MANY[5]]) });
  await tab.at("permission-capability").first().waitFor();
  assert.deepEqual(await ticked(tab), []);
  await until("the guard to be over", () => tab.page.evaluate(() => !document.getElementById("permission-body").inert));
  const once = tab.at("permission-allow-once");
  assert.equal(await once.isDisabled(), true, "nothing is granted without a tick");
  assert.equal(await tab.at("permission-allow-always").isDisabled(), true);
  await tab.page.screenshot({ path: join(artifacts, "dialog-single.png") });
  await tab.at("permission-capability").click();
  await once.click();
  await until("the answer", () => decisions.length > 0);
  assert.deepEqual(decisions[0].capabilities, [MANY[5].name]);
  assert.deepEqual(tab.errors, []);
});

for (const [name, options] of [
  ["light", {}],
  ["dark", { colorScheme: "dark" }],
  ["phone", { viewport: { width: 390, height: 844 } }],
]) {
  test(`of many things the person ticks what the widget may have: ${name}`, async (t) => {
    const held = [capability("read", "org.matrix.msc2762.receive.event:m.reaction", "read reactions")];
    const { tab, decisions } = await host(t, [TURN], { rewrite: asking(MANY, held), ...options });
    const once = tab.at("permission-allow-once");
    await tab.at("permission-capability").first().waitFor();
    assert.deepEqual(await ticked(tab), [], "nothing is ticked for the person");
    assert.equal(await once.isDisabled(), true, "nothing is granted without a tick");
    await until("the guard to be over", () => tab.page.evaluate(() => !document.getElementById("permission-body").inert));
    assert.equal(await once.isDisabled(), true);
    await tab.page.screenshot({ path: join(artifacts, `dialog-${name}.png`) });
    await tab.at("permission-held").locator("summary").click();
    assert.match(await tab.text("permission-held"), /Read reactions/i);

    // By the keyboard: one thing, and then a group.
    await tab.at("permission-capability").nth(1).focus();
    await tab.page.keyboard.press("Space");
    assert.deepEqual(await ticked(tab), [READ]);
    const groups = tab.at("permission-group");
    assert.equal(await groups.first().evaluate((box) => box.indeterminate), true);
    await groups.first().click();
    assert.deepEqual(await ticked(tab), MANY.slice(1, 4).map(({ name }) => name));
    // All at one click, and all but one at two.
    await tab.at("permission-all").click();
    assert.equal((await ticked(tab)).length, MANY.length);
    await tab.page.screenshot({ path: join(artifacts, `dialog-${name}-ticked.png`) });
    await tab.page.getByLabel("Change who may do what in the room").click();
    const wanted = MANY.map(({ name }) => name).filter((name) => !name.includes("power_levels"));
    assert.deepEqual(await ticked(tab), wanted);
    const wide = await tab.page.evaluate(() => {
      const body = document.getElementById("permission-body");
      return body.scrollWidth > body.clientWidth || document.documentElement.scrollWidth > document.documentElement.clientWidth;
    });
    assert.equal(wide, false, "nothing overflows");
    await once.click();
    await until("the decision", () => decisions.length > 0);
    assert.deepEqual([decisions[0].decision, decisions[0].capabilities], ["allow_once", wanted]);
    assert.deepEqual(tab.errors, []);
  });
}

test("a thousand hostile names leave the answers in sight", async (t) => {
  const names = Array.from({ length: 1000 }, (_, n) => capability("other", `${n}${"<b>x".repeat(200)}`, null, `${n}${"<b>x".repeat(40)}`));
  const { tab, decisions } = await host(t, [TURN], { rewrite: asking(names), viewport: { width: 390, height: 600 } });
  await tab.at("permission-capability").nth(999).waitFor();
  assert.equal(await tab.at("permission-dialog").locator("b").count(), 0);
  for (const id of ["permission-origin", "permission-deny", "permission-allow-once"]) {
    const box = await tab.at(id).boundingBox();
    assert.ok(box.y >= 0 && box.y + box.height <= 600, `${id} is in sight`);
  }
  await tab.page.screenshot({ path: join(artifacts, "dialog-hostile.png") });
  await tab.at("permission-deny").click();
  await until("the decision", () => decisions.length > 0);
  assert.deepEqual(decisions[0], { type: "decision", id: 1, decision: "deny", capabilities: [] });
  assert.deepEqual(tab.errors, []);
});

test("what goes wrong is told, each in a line of its own", async (t) => {
  const { tab, line } = await host(t, [TURN]);
  await tab.allow();
  line.tell({ type: "homeserver", outage: "no route to host" });
  line.tell({ type: "trouble", message: "What you allowed for always holds this once only: disk full" });
  const lines = tab.at("notice").locator("p");
  await until("both", async () => (await lines.count()) === 2);
  assert.match((await lines.allTextContents()).join("\n"), /no route to host[^]*disk full/);
  await tab.page.screenshot({ path: join(artifacts, "notices.png") });
  line.tell({ type: "homeserver", outage: null });
  await tab.at("notice").getByRole("button", { name: "Dismiss" }).click();
  await until("none", async () => (await lines.count()) === 0);
});

test("a widget that floods loses its words, and the page stays the person's", async (t) => {
  const demo = await demonstrate(t, [TURN]);
  const tab = await Tab.open(t, browser, demo.url);
  await tab.allow();
  const frame = await frameOf(tab);
  await frame.evaluate(() => {
    for (let n = 0; n < 40_000; n++) {
      window.ask(`flood ${n}`, "supported_api_versions");
    }
  });
  // The page has all this before it.
  await tab.at("inspector-pause").click();
  assert.equal(await tab.at("inspector-pause").getAttribute("aria-pressed"), "true");
  await tab.at("inspector-pause").click();
  await until("the notice", async () => /[\d,]+ messages were lost/.test(await tab.text("notice")));
  const lost = Number(/([\d,]+) messages/.exec(await tab.text("notice"))[1].replaceAll(",", ""));
  assert.ok(lost > 20_000, `${lost} were lost`);
  const gap = tab.at("inspector-message").filter({ hasText: "not kept here" });
  await until("the count in the inspector", async () => (await gap.count()) > 0);

  // It can go on as soon as it is calm.
  let asked = 0;
  await until("an answer", async () => {
    asked += 1;
    await frame.evaluate((id) => window.ask(id, "supported_api_versions"), `calm ${asked}`);
    return frame.evaluate(() => window.heard.some(({ requestId, response }) => requestId.startsWith("calm") && response));
  });
  assert.deepEqual(tab.errors, []);
});
