// *Test relays* in the page: what widget-turn finds, and beside it what the browser does.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { check } from "./check.mjs";
import { coturn, secretFile } from "./coturn.mjs";
import { Demo, Tab, artifacts, browse, until } from "./rig.mjs";

let browser;
before(async () => {
  browser = await browse();
});
after(() => browser.close());

/** Presses the button and waits for what both have found: a row for each server. */
async function tested(tab) {
  await tab.at("relay-test").click();
  await until("the end of the test", async () => (await tab.at("relay-state").getAttribute("data-state")) === "done");
  const rows = await tab.at("relay-row").all();
  return Promise.all(
    rows.map(async (row) => ({
      uri: await row.getByTestId("relay-uri").textContent(),
      ours: await row.getByTestId("relay-ours").getAttribute("data-works"),
      said: await row.getByTestId("relay-ours").textContent(),
      browsers: await row.getByTestId("relay-browsers").getAttribute("data-works"),
      seen: await row.getByTestId("relay-browsers").textContent(),
      differs: await row.getAttribute("data-differs"),
    })),
  );
}

test("widget-turn and the browser see the same of servers that work, and it can be asked again", async (t) => {
  const demo = await Demo.start(t);
  const tab = await Tab.open(t, browser, demo.url);
  await tab.allow();
  const rows = await tested(tab);
  assert.deepEqual(rows.map(({ uri }) => uri), demo.turn);
  for (const { ours, browsers, differs, seen } of rows) {
    assert.deepEqual([ours, browsers, differs], ["true", "true", null]);
    assert.match(seen, /relay candidate 127\.0\.0\.1:\d+ \(udp\) after/);
  }
  assert.match(await tab.text("relay-state"), /^Grade: good\. This browser sees the same\.$/);
  await tab.page.screenshot({ path: join(artifacts, "relays.png") });
  await tab.at("relay-again").click();
  await until("the second test", async () => (await tab.at("relay-state").getAttribute("data-state")) === "testing");
  await until("its end", async () => (await tab.at("relay-state").getAttribute("data-state")) === "done");
  await tab.page.keyboard.press("Escape");
  assert.equal(await tab.at("relay-dialog").isVisible(), false);
  await tab.connected();
  assert.deepEqual(tab.errors, []);
});

test("a certificate that the browser alone refuses is seen as a difference, and a wrong secret as none", async (t) => {
  const { tls, udp, roots } = await coturn(t);
  process.env.SSL_CERT_FILE = roots;
  const uris = ["--turn-uri", tls, "--turn-uri", udp];
  const demo = await Demo.start(t, ...uris, "--turn-secret-file", secretFile(t));
  delete process.env.SSL_CERT_FILE;
  const tab = await Tab.open(t, browser, demo.url);
  await tab.at("permission-deny").click();
  const [overTls, overUdp] = await tested(tab);
  assert.deepEqual([overTls.ours, overTls.browsers, overTls.differs], ["true", "false", "true"]);
  assert.deepEqual([overUdp.ours, overUdp.browsers, overUdp.differs], ["true", "true", null]);
  await tab.page.screenshot({ path: join(artifacts, "relays-differ.png") });

  const wrong = await Demo.start(t, "--turn-uri", udp, "--turn-secret-file", secretFile(t, "another secret"));
  const other = await Tab.open(t, browser, wrong.url);
  await other.at("permission-deny").click();
  const [refused] = await tested(other);
  assert.deepEqual([refused.ours, refused.browsers, refused.differs], ["false", "false", null]);
  assert.match(refused.said, /allocate: refused with 401/);
  assert.match(refused.seen, /error 401/);
});

test("after Ctrl-C in the midst of a test nothing is left that counts against the quota", async (t) => {
  const { udp, server } = await coturn(t, { lines: ["allow-loopback-peers", "user-quota=2"] });
  const secret = secretFile(t);
  const demo = await Demo.start(t, "--turn-uri", udp, "--turn-secret-file", secret);
  const tab = await Tab.open(t, browser, demo.url);
  await tab.at("permission-deny").click();
  await tab.at("relay-test").click();
  await until("both allocations", () => server.output().match(/ALLOCATE processed, success/g)?.length === 2);
  demo.running.child.kill("SIGINT");
  // As where a shell and npm both pass it on.
  demo.running.child.kill("SIGINT");
  assert.deepEqual(await demo.running.ended, [0, null]);
  const args = [udp, "--secret-file", secret, "--username", "@demo:localhost"];
  await until("the quota to be free again", async () => (await check(t, args)).code === 0);
});
