// `widget-turn check` over time, against coturn: expiry, round after round, metrics.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertSnapshot, check } from "./check.mjs";
import { coturn, password, secretFile } from "./coturn.mjs";
import { binary, folder, program, until } from "./rig.mjs";

test("coturn checks the expiry only of who asks for a relay", async (t) => {
  const { udp, tcp, tls, roots } = await coturn(t);
  const args = [udp, tcp, tls, "--secret-file", secretFile(t), "--ttl", "12s", "--expect-expiry"];
  const { code, text } = await check(t, args, { SSL_CERT_FILE: roots });
  assert.equal(code, 0, text);
  assertSnapshot("check-expiry", text.replace(/expire in \d+ s/, "expire in N s"));
});

test("after Ctrl-C while it waits for the expiry nothing is left", async (t) => {
  const { udp, server } = await coturn(t, { lines: ["allow-loopback-peers", "user-quota=2"] });
  const args = [udp, "--secret-file", secretFile(t)];
  const running = program(t, binary, ["check", ...args, "--expect-expiry"]);
  await until("a channel, which only the wait needs", () => /CHANNEL_BIND processed, success/.test(server.output()));
  running.child.kill("SIGINT");
  const [code] = await running.ended;
  assert.equal(code, 130, running.output());
  await until("the quota to be free again", async () => (await check(t, args)).code === 0);
});

test("rounds are shown as lines, as JSON lines and as metrics, and Ctrl-C ends them cleanly", async (t) => {
  const { udp, tls, roots } = await coturn(t, { lines: ["allow-loopback-peers", "user-quota=2"] });
  const env = { ...process.env, SSL_CERT_FILE: roots };
  const home = folder(t);
  const file = join(home, "turn.prom");
  const args = [udp, tls, "--secret-file", secretFile(t)];
  const watch = ["--watch", "1s", "--prometheus-textfile", file];
  const people = program(t, binary, ["check", ...args, ...watch], { env });
  const line = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}great {6}2 of 2 relay, slowest [\d.]+ ms$/gm;
  await until("three rounds", () => people.output().match(line)?.length === 3);
  people.child.kill("SIGINT");
  assert.deepEqual(await people.ended, [0, null]);
  assert.equal(people.output().match(/Grade: great/g).length, 1, "the whole report once");
  assert.match(people.output(), new RegExp(`\\n\\n {2}\\+{3,} .* of .* ${udp.replaceAll("?", "\\?")}\n`));

  const metrics = readFileSync(file, "utf8");
  assert.deepEqual(readdirSync(home), ["turn.prom"], "nothing beside it");
  assert.ok(metrics.includes(`widget_turn_check_uri_up{uri="${tls}"} 1\n`), metrics);
  assert.match(metrics, /^widget_turn_check_certificate_expiry_timestamp_seconds\{.*\} \d{10}$/m);
  assert.ok(!metrics.includes("widget-turn-check"), "no user name");

  const machines = program(t, binary, ["check", ...args, "--watch", "1s", "--json"], { env });
  const rounds = () => machines.output().split("\n").filter(Boolean);
  await until("two rounds", () => rounds().length === 2);
  machines.child.kill("SIGTERM");
  assert.deepEqual(await machines.ended, [0, null]);
  for (const round of rounds()) {
    assert.equal(JSON.parse(round).grade, "great");
  }
  await until("the quota to be free again", async () => (await check(t, args, env)).code === 0);
});

test("metrics are written without --watch too, and a folder that is not there is told before anything starts", async (t) => {
  const { udp } = await coturn(t);
  const file = join(folder(t), "turn.prom");
  const username = "1700000000:@alice:localhost";
  const secret = secretFile(t, password(username));
  const args = [udp, "--username", username, "--password-file", secret, "--prometheus-textfile"];
  const { code } = await check(t, [...args, file]);
  assert.equal(code, 2);
  const metrics = readFileSync(file, "utf8");
  assert.match(metrics, /^widget_turn_check_grade 0$/m);
  assert.match(metrics, /^widget_turn_check_step_error_code\{.*step="allocate"\} 401$/m);
  assert.ok(!metrics.includes("alice") && !metrics.includes(password(username)));
  const nowhere = await check(t, [...args, join(folder(t), "none", "turn.prom")]);
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.text, /^widget-turn: cannot write .*turn\.prom: /);
});
