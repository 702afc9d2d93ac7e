#!/usr/bin/env node
// Plays every script to every host and prints a table. What it prints is kept in results.md: a difference is an error,
// and `--write` keeps the new one.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { play, scripts } from "./player.mjs";
import { table } from "./table.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const kept = new URL("../results.md", import.meta.url);
const options = process.argv.slice(2);
if (options.some((option) => option !== "--write")) {
  console.error("usage: npm run conformance [-- --write]");
  process.exit(2);
}

/** The hosts in Rust are tests; they append their results to a file. */
function rust() {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  const file = join(folder, "results.jsonl");
  const command = ["test", "--workspace", "--locked", "--quiet", "--no-fail-fast", "--test", "conformance"];
  const env = { ...process.env, CONFORMANCE_RESULTS: file };
  try {
    const { status } = spawnSync("cargo", command, { cwd: root, env, stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) process.exitCode = 1;
    return readFileSync(file, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function node(peer) {
  const results = [];
  for (const script of scripts()) {
    const why = script.needs.map((need) => peer.missing[need]).find(Boolean);
    const failure = why === undefined ? await peer.played(script, play) : undefined;
    const outcome = why !== undefined ? "unseen" : failure === undefined ? "pass" : "fail";
    results.push({ host: peer.name, script: script.name, outcome, why, ...failure });
  }
  return results;
}

const results = rust();
// Not before: from here on the timers are the scripts'.
results.push(...(await node(await import("../peers/client_widget_api.mjs"))));
const text = table(results);
process.stdout.write(text);
if (options.includes("--write")) {
  writeFileSync(kept, text);
} else if (readFileSync(kept, "utf8") !== text) {
  console.error("\nThis is not what conformance/results.md says. If it is right: npm run conformance -- --write");
  process.exitCode = 1;
}
