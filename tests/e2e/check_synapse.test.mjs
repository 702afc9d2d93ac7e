// `widget-turn check` by way of a real Synapse: with TURN, without, and for guests.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertSnapshot, check, checkJson } from "./check.mjs";
import { SECRET, coturn, secretFile } from "./coturn.mjs";
import { Host, file, folder } from "./rig.mjs";
import { Synapse } from "./synapse.mjs";

const suite = file();

/** Without what differs from run to run. */
function plain(text, synapse) {
  return text.replaceAll(new URL(synapse.url).host, "SYNAPSE").replace(/ \([\d.]+ ms\)/g, " (T ms)");
}

test("the TURN servers of a Synapse are tried, for a token and for a user who logs in once", async (t) => {
  const relay = await coturn(suite);
  const synapse = await Synapse.start(t, { turn: { uris: [relay.udp, relay.tcp], secret: SECRET } });
  const alice = await synapse.user("alice");
  const at = ["--homeserver", synapse.url];
  const { code, text } = await check(t, [...at, "--token-file", secretFile(t, alice.token)]);
  assert.equal(code, 0, text);
  assertSnapshot("check-synapse", plain(text, synapse));

  const data = folder(t);
  const as = [...at, "--user", alice.id, "--data", data];
  const password = secretFile(t, alice.password);
  const first = await checkJson(t, [...as, "--password-file", password]);
  assert.equal(first.exit_code, 0);
  assert.equal(first.homeserver.ttl, 3600);
  assert.ok(first.credentials.username.endsWith(`:${alice.id}`));
  const again = await check(t, as);
  assert.equal(again.code, 0, "the session is kept");
  for (const said of [text, again.text, JSON.stringify(first)]) {
    assert.ok(!said.includes(alice.token) && !said.includes(alice.password) && !said.includes(SECRET), said);
  }
  const wrong = await check(t, [...at, "--user", alice.id, "--data", folder(t), "--password-file", secretFile(t, "wrong")]);
  assert.equal(wrong.code, 3, wrong.text);
  assert.match(wrong.text, /^widget-turn: the homeserver refuses this password/);
});

test("the session that a host uses is good for a check too", async (t) => {
  const relay = await coturn(suite);
  const synapse = await Synapse.start(t, { turn: { uris: [relay.udp], secret: SECRET } });
  const alice = await synapse.user("alice");
  const room = await synapse.room([alice]);
  const data = folder(t);
  const host = await Host.start(t, { synapse, user: alice, room, widget: "https://widget.example/", data });
  const { code, text } = await check(t, ["--homeserver", synapse.url, "--user", alice.id, "--data", data]);
  assert.equal(code, 0, text);
  assert.ok(!text.includes(alice.token));
  assert.equal(await host.stop(), 0, "and it goes on");
});

test("a Synapse without TURN is told", async (t) => {
  const synapse = await Synapse.start(t);
  const alice = await synapse.user("alice");
  const args = ["--homeserver", synapse.url, "--token-file"];
  const { code, text } = await check(t, [...args, secretFile(t, alice.token)]);
  assert.equal(code, 2, text);
  assertSnapshot("check-synapse-none", plain(text, synapse));
  const unknown = await check(t, [...args, secretFile(t, "syt_nobody")]);
  assert.equal(unknown.code, 3, unknown.text);
  assertSnapshot("check-synapse-unknown-token", plain(unknown.text, synapse));
});

test("a Synapse that refuses guests is told", async (t) => {
  const relay = await coturn(suite);
  const turn = { uris: [relay.udp], secret: SECRET, guests: false };
  const synapse = await Synapse.start(t, { turn, guests: true });
  const guest = await synapse.guest();
  const { code, text } = await check(t, ["--homeserver", synapse.url, "--token-file", secretFile(t, guest.token)]);
  assert.equal(code, 3, text);
  assertSnapshot("check-synapse-guest", plain(text, synapse));
});
