// The demo's two ends against what coturn's authors wrote: its server, and its client.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { coturn, password, secretFile } from "./coturn.mjs";
import { Demo, Tab, browse, freePorts, program, until } from "./rig.mjs";

let browser;
before(async () => {
  browser = await browse();
});
after(() => browser.close());

for (const transport of ["udp", "tcp"]) {
  test(`coturn accepts the demo's credentials over ${transport}, the first and the next`, async (t) => {
    const { server, [transport]: uri } = await coturn(t);
    const demo = await Demo.start(t, "--ttl", "6s", "--turn-uri", uri, "--turn-secret-file", secretFile(t));
    assert.deepEqual(demo.turn, [uri]);
    const tab = await Tab.open(t, browser, demo.url);
    await tab.allow();
    const first = await tab.username();
    await tab.connected();
    await tab.username(first);
    await tab.connected();
    assert.match(server.output(), /ALLOCATE processed, success/);
    assert.deepEqual(tab.errors, []);
  });
}

test("a secret that is not coturn's is told as a relay that fails", async (t) => {
  const { udp } = await coturn(t);
  const wrong = secretFile(t, "another secret");
  const demo = await Demo.start(t, "--turn-uri", udp, "--turn-secret-file", wrong);
  const tab = await Tab.open(t, browser, demo.url);
  await tab.allow();
  await until("the failure", async () => (await tab.inWidget("relay-state").textContent()).startsWith("failed"));
});

for (const [transport, flags] of [
  ["UDP", []],
  ["TCP", ["-t"]],
]) {
  test(`coturn's client relays through the demo's TURN server over ${transport}`, async (t) => {
    const demo = await Demo.start(t, "--turn-secret-file", secretFile(t));
    const port = demo.turn[0].match(/:(\d+)\?/)[1];
    const peer = String(await freePorts());
    program(t, "turnutils_peer", ["-L", "127.0.0.1", "-p", peer]);
    const username = `${Math.floor(Date.now() / 1000) + 600}:@demo:localhost`;
    const client = async (secret) =>
      promisify(execFile)("turnutils_uclient", [
        ...["-e", "127.0.0.1", "-r", peer, "-L", "127.0.0.1", "-p", port, "-u", username, "-w", secret],
        ...["-n", "5", "-m", "1", "-l", "101", ...flags, "127.0.0.1"],
      ]);
    const { stdout } = await client(password(username));
    assert.match(stdout, /Total lost packets 0 \(0\.000000%\)/, stdout);
    await assert.rejects(client("wrong"), (error) => /Cannot complete Allocation/.test(error.stdout + error.stderr));
  });
}
