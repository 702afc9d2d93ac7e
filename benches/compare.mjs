#!/usr/bin/env node
// Ours beside npm's ClientWidgetApi, in one run; then how fast the command is there, and how large it is.
// Prints figures and ratios, asserts nothing. `npm ci` first.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as npm from "./npm_host.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const run = (...args) => execFileSync("cargo", args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
const { median } = npm;

/** Nanoseconds for an owned message in and its reply out of our layer, the median. */
function ours() {
  run("bench", "-p", "widget-turn-proto", "--bench", "layer", "--", "owned");
  const path = join(root, "target", "criterion", "owned message in, reply out", "new", "estimates.json");
  return JSON.parse(readFileSync(path, "utf8")).median.point_estimate;
}

/** What each of our hosts takes and does, and matrix-sdk's driver alone: one object each. */
function drivers() {
  const args = ["bench", "-p", "widget-turn-matrix-sdk", "--bench", "driver"];
  const said = execFileSync("cargo", args, { cwd: root, stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" });
  const lines = said.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line));
}

/** Milliseconds until the last of 10,000 of our widgets was told of new credentials, the median of some refreshes. */
function fanOut() {
  const args = ["bench", "-p", "widget-turn", "--bench", "feed"];
  const said = execFileSync("cargo", args, { cwd: root, stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" });
  return median([...said.matchAll(/all told +([0-9.]+) ms/g)].map(([, time]) => Number(time)));
}

/** Milliseconds from the start of `demo` to its first answer to a browser. */
async function start(binary, grants) {
  const begun = performance.now();
  const child = spawn(binary, ["demo", "--no-open", "--json", "--listen", "127.0.0.1:0", "--grants", grants]);
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const answer = await fetch(JSON.parse(line).url);
  const ready = performance.now() - begun;
  if (answer.status !== 200) {
    throw new Error(`the page answered ${answer.status}`);
  }
  child.kill("SIGINT");
  await once(child, "exit");
  return ready;
}

const figure = (name, value) => process.stdout.write(`${name.padEnd(62)} ${value}\n`);
const mine = ours();
const { onObjects, onText } = npm.owned();
figure("owned message in, reply out: widget-turn", `${mine.toFixed(0)} ns`);
figure("  npm's ClientWidgetApi, on ready objects", `${onObjects.toFixed(0)} ns, ${(onObjects / mine).toFixed(1)} times ours`);
figure("  npm's ClientWidgetApi, from JSON text", `${onText.toFixed(0)} ns, ${(onText / mine).toFixed(1)} times ours`);

const hosts = drivers();
/** A figure of npm's host, and those of ours and of matrix-sdk's driver with their ratio to it. */
function compared(name, theirs, key, written) {
  figure(`${name}: npm's ClientWidgetApi`, written(theirs));
  for (const host of hosts) {
    if (host[key] !== null) {
      figure(`  ${host.host}`, `${written(host[key])}, ${(host[key] / theirs).toFixed(2)} times npm's`);
    }
  }
}
compared("requests a second, each after an answer", await npm.perSecond(20_000), "requests_per_second", (number) => number.toFixed(0));
compared("memory of a widget after its handshake", await npm.memory(500), "bytes_per_widget", (bytes) => `${(bytes / 1024).toFixed(1)} KiB`);
compared("watch to update, credentials in hand", await npm.watchToUpdate(500), "watch_to_update_us", (time) => `${time.toFixed(0)} µs`);

const [many, theirs] = [fanOut(), await npm.fanOut(10_000, 5)];
figure("new credentials to the last of 10,000 widgets: npm's", `${theirs.toFixed(0)} ms`);
figure("  TurnLayer over HandshakeHost", `${many.toFixed(0)} ms, ${(many / theirs).toFixed(2)} times npm's`);

run("build", "--release", "-p", "widget-turn-cli");
const binary = join(root, "target", "release", "widget-turn");
const folder = mkdtempSync(join(tmpdir(), "widget-turn-bench-"));
const starts = [];
for (let i = 0; i < 15; i++) {
  starts.push(await start(binary, join(folder, "grants.json")));
}
rmSync(folder, { recursive: true });
figure("demo: start to first answer, median of 15", `${median(starts).toFixed(0)} ms`);
figure("release binary", `${(statSync(binary).size / 1e6).toFixed(1)} MB`);
