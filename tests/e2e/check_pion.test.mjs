// `widget-turn check` against pion, which LiveKit and STUNner are built on: credentials that it does not take get a 400.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertSnapshot, check } from "./check.mjs";
import { password, secretFile } from "./coturn.mjs";
import { pion } from "./pion.mjs";

test("a pion that is well relays over UDP and TCP", async (t) => {
  const { udp, tcp } = await pion(t);
  const { code, text } = await check(t, [udp, tcp, "--secret-file", secretFile(t)]);
  assert.equal(code, 0, text);
  assertSnapshot("check-pion-well", text);
});

test("the 400 of a pion to a wrong secret is told", async (t) => {
  const { udp, tcp } = await pion(t);
  const { code, text } = await check(t, [udp, tcp, "--secret-file", secretFile(t, "another secret")]);
  assert.equal(code, 2, text);
  assertSnapshot("check-pion-wrong-secret", text);
});

test("the 400 of a pion to expired credentials is told", async (t) => {
  const { udp } = await pion(t);
  const username = "1700000000:@alice:localhost";
  const secret = secretFile(t, password(username));
  const { code, text } = await check(t, [udp, "--username", username, "--password-file", secret]);
  assert.equal(code, 2, text);
  assertSnapshot("check-pion-expired", text.replace(/expired \d+ days/g, "expired N days"));
});

test("a pion checks the expiry on every request, and fresh credentials delete what expired ones may not", async (t) => {
  const { udp, tcp } = await pion(t);
  const args = [udp, tcp, "--secret-file", secretFile(t), "--ttl", "10s", "--expect-expiry"];
  const { code, text } = await check(t, args);
  assert.equal(code, 0, text);
  assertSnapshot("check-pion-expiry", text.replace(/expire in \d+ s/, "expire in N s"));
});
