// The demo's two ends against what coturn's authors wrote: its server, and its client.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { Demo, Tab, browse, folder, freePorts, program, until } from "./rig.mjs";

const SECRET = "the secret of the end-to-end tests";

let browser;
before(async () => {
  browser = await browse();
});
after(() => browser.close());

function secretFile(t) {
  const path = join(folder(t), "secret");
  writeFileSync(path, `${SECRET}\n`, { mode: 0o600 });
  return path;
}

/** Whether something listens on the port. */
async function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true) || socket.destroy());
    socket.once("error", () => resolve(false));
  });
}

async function coturn(t) {
  const home = folder(t);
  const port = await freePorts();
  const config = join(home, "turnserver.conf");
  const lines = [
    "listening-ip=127.0.0.1",
    "relay-ip=127.0.0.1",
    `listening-port=${port}`,
    "realm=localhost",
    "fingerprint",
    "use-auth-secret",
    `static-auth-secret=${SECRET}`,
    "allow-loopback-peers",
    "no-cli",
    "no-tls",
    "no-dtls",
    "verbose",
    "log-file=stdout",
    "simple-log",
    `pidfile=${join(home, "pid")}`,
    `userdb=${join(home, "turndb")}`,
  ];
  writeFileSync(config, lines.join("\n"), { mode: 0o600 });
  const server = program(t, "turnserver", ["-c", config]);
  await until("coturn to listen", () => listens(port));
  return { port, server };
}

for (const transport of ["udp", "tcp"]) {
  test(`coturn accepts the demo's credentials over ${transport}, the first and the next`, async (t) => {
    const { port, server } = await coturn(t);
    const uri = `turn:127.0.0.1:${port}?transport=${transport}`;
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
  const { port } = await coturn(t);
  const wrong = join(folder(t), "secret");
  writeFileSync(wrong, "another secret", { mode: 0o600 });
  const uri = `turn:127.0.0.1:${port}?transport=udp`;
  const demo = await Demo.start(t, "--turn-uri", uri, "--turn-secret-file", wrong);
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
    const password = createHmac("sha1", SECRET).update(username).digest("base64");
    const client = async (password) =>
      promisify(execFile)("turnutils_uclient", [
        ...["-e", "127.0.0.1", "-r", peer, "-L", "127.0.0.1", "-p", port, "-u", username, "-w", password],
        ...["-n", "5", "-m", "1", "-l", "101", ...flags, "127.0.0.1"],
      ]);
    const { stdout } = await client(password);
    assert.match(stdout, /Total lost packets 0 \(0\.000000%\)/, stdout);
    await assert.rejects(client("wrong"), (error) => /Cannot complete Allocation/.test(error.stdout + error.stderr));
  });
}
