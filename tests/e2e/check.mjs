// `widget-turn check` as the tests run it, and what its reports are compared with.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SECRET } from "./coturn.mjs";
import { binary, program } from "./rig.mjs";

const snapshots = join(dirname(fileURLToPath(import.meta.url)), "snapshots");

/** Runs a check to its end. */
export async function check(t, args, env = {}) {
  const running = program(t, binary, ["check", ...args], { env: { ...process.env, ...env } });
  const [code] = await running.ended;
  return { code, text: running.output() };
}

/** The same, by its JSON. */
export async function checkJson(t, args, env = {}) {
  const { code, text } = await check(t, ["--json", ...args], env);
  const report = JSON.parse(text);
  assert.equal(report.exit_code, code);
  return report;
}

/** Compares a report, but for times and ports; `UPDATE_SNAPSHOTS=1` writes it anew. */
export function assertSnapshot(name, text) {
  const timeless = text
    .replace(/ +[\d.]+ ms/g, " T ms")
    .replace(/TLS 1\.[23]/g, "TLS 1.N")
    .replace(/(:|port )\d{5}\b/g, "$1PORT")
    .replace(/\d{10}:/g, "EXPIRY:")
    .replace(/expire in \d+ min/g, "expire in N min");
  assert.ok(!text.includes(SECRET));
  const path = join(snapshots, `${name}.txt`);
  if (process.env.UPDATE_SNAPSHOTS) {
    mkdirSync(snapshots, { recursive: true });
    writeFileSync(path, timeless);
  }
  assert.equal(timeless, existsSync(path) ? readFileSync(path, "utf8") : "", path);
}
