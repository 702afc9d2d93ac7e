// `widget-turn check` against coturn: what it reports of one that is well, and of each that is not.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { assertSnapshot, check, checkJson } from "./check.mjs";
import { coturn, password, secretFile } from "./coturn.mjs";
import { binary, program, until } from "./rig.mjs";

for (const [name, ip] of [
  ["IPv4", "127.0.0.1"],
  ["IPv6", "::1"],
]) {
  test(`a coturn that is well relays over UDP, TCP and TLS, on ${name}`, async (t) => {
    const { udp, tcp, tls, roots } = await coturn(t, { ip });
    const args = [udp, tcp, tls, "--secret-file", secretFile(t)];
    const { code, text } = await check(t, args, { SSL_CERT_FILE: roots });
    assert.equal(code, 0, text);
    assertSnapshot(`check-well-${name}`, text);
    const report = await checkJson(t, args, { SSL_CERT_FILE: roots });
    t.diagnostic(`three URIs in ${report.ms} ms`);
    assert.equal(report.grade, "great");
    for (const { addresses } of report.servers) {
      assert.deepEqual(
        addresses.map(({ relays, round_trip }) => [relays, round_trip.received]),
        [[true, 10]],
      );
    }
    assert.match(report.servers[2].addresses[0].tls.version, /^TLS 1\.[23]$/);
    const together = await checkJson(t, [...args, "--parallel"], { SSL_CERT_FILE: roots });
    assert.equal(together.exit_code, 0);
  });
}

for (const [name, certificate, knows] of [
  ["unknown-issuer", {}, false],
  ["self-signed", { selfSigned: true }, true],
  ["wrong-name", { names: "DNS:turn.example.org" }, true],
  ["expired-certificate", { days: 0 }, true],
]) {
  test(`a certificate that browsers refuse is no TLS: ${name}`, async (t) => {
    const { tls, roots } = await coturn(t, { certificate });
    const issued = Date.now();
    await until("its last second to pass", () => Date.now() > issued + 1000);
    const { code, text } = await check(t, [tls, "--secret-file", secretFile(t)], knows ? { SSL_CERT_FILE: roots } : {});
    assert.equal(code, 2, text);
    assertSnapshot(`check-${name}`, text.replace(/\d{4}-\d\d-\d\d/g, "DAY"));
  });
}

test("a secret that is not coturn's is told", async (t) => {
  const { udp, tcp } = await coturn(t);
  const { code, text } = await check(t, [udp, tcp, "--secret-file", secretFile(t, "another secret")]);
  assert.equal(code, 2, text);
  assertSnapshot("check-wrong-secret", text);
});

test("a user whom coturn knows by another realm is told", async (t) => {
  const key = createHash("md5").update("alice:other.example:hunter2").digest("hex");
  const { udp } = await coturn(t, { users: [`user=alice:0x${key}`] });
  const { code, text } = await check(t, [udp, "--username", "alice", "--password-file", secretFile(t, "hunter2")]);
  assert.equal(code, 2, text);
  assert.ok(!text.includes("hunter2"));
  assertSnapshot("check-wrong-realm", text);
});

test("a server that sends clients on is told, and followed", async (t) => {
  const there = await coturn(t);
  const { udp } = await coturn(t, { lines: [`alternate-server=${there.udp.match(/turn:(.*)\?/)[1]}`] });
  const { code, text } = await check(t, [udp, "--secret-file", secretFile(t)]);
  assert.equal(code, 1, text);
  assertSnapshot("check-alternate", text);
});

test("expired credentials are told", async (t) => {
  const { udp } = await coturn(t);
  const username = "1700000000:@alice:localhost";
  const secret = password(username);
  const { code, text } = await check(t, [udp, "--username", username, "--password-file", secretFile(t, secret)]);
  assert.equal(code, 2, text);
  assert.ok(!text.includes(secret));
  assertSnapshot("check-expired", text.replace(/expired \d+ days/g, "expired N days"));
});

test("a quota of one relay is told, and nothing is left that counts against it", async (t) => {
  const { udp } = await coturn(t, { lines: ["allow-loopback-peers", "user-quota=1"] });
  const args = [udp, "--secret-file", secretFile(t)];
  const { code, text } = await check(t, args);
  assert.equal(code, 2, text);
  assertSnapshot("check-quota", text);
  // coturn takes a second to count down; an allocation that is left lives for ten minutes.
  await until("the quota to be free again", async () => {
    const again = await checkJson(t, args);
    const refused = again.servers[0].addresses[0].steps.find(({ code }) => code === 486);
    return refused.name === "round_trip";
  });
});

test("what a check has deleted itself does not count against a tight quota", async (t) => {
  const { udp, tcp } = await coturn(t, { lines: ["allow-loopback-peers", "user-quota=2"] });
  const args = [udp, tcp, udp, "--secret-file", secretFile(t)];
  const { code, text } = await check(t, args);
  assert.equal(code, 0, text);
  const again = await check(t, args);
  assert.equal(again.code, 0, `right after it: ${again.text}`);
});

test("a peer that is denied is told from a relay that does not work", async (t) => {
  const { udp } = await coturn(t, { lines: [] });
  const { code, text } = await check(t, [udp, "--secret-file", secretFile(t)]);
  assert.equal(code, 0, text);
  assertSnapshot("check-peer-denied", text);
});

test("a nonce that goes stale on the way is replaced", async (t) => {
  const { udp, server } = await coturn(t, { lines: ["allow-loopback-peers", "stale-nonce=1"] });
  const args = [udp, "--secret-file", secretFile(t), "--datagrams", "150"];
  const { code, text } = await check(t, args);
  assert.equal(code, 0, text);
  assert.match(server.output(), /438/);
  assertSnapshot("check-stale-nonce", text);
});

test("a relay on a private address is told", async (t) => {
  const { udp } = await coturn(t, { lines: ["allow-loopback-peers", "external-ip=10.1.2.3"] });
  const { code, text } = await check(t, [udp, "--secret-file", secretFile(t)]);
  assert.equal(code, 2, text);
  assertSnapshot("check-private-relay", text);
});

test("after Ctrl-C nothing is left that counts against the quota", async (t) => {
  const { udp, server } = await coturn(t, { lines: ["allow-loopback-peers", "user-quota=2"] });
  const args = [udp, "--secret-file", secretFile(t)];
  const running = program(t, binary, ["check", ...args, "--datagrams", "1000"]);
  const granted = () => server.output().match(/ALLOCATE processed, success/g)?.length;
  await until("both allocations", () => granted() === 2);
  running.child.kill("SIGINT");
  // As where a shell and npm both pass it on.
  running.child.kill("SIGTERM");
  const [code] = await running.ended;
  assert.equal(code, 130, running.output());
  assert.match(running.output(), /Interrupted/);
  await until("the quota to be free again", async () => (await check(t, args)).code === 0);
});
