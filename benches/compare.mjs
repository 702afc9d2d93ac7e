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
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const run = (...args) => execFileSync("cargo", args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];

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

const request = (action) => ({
  api: "fromWidget",
  widgetId: "lab-widget-1",
  requestId: "widgetapi-1795441358276",
  action,
  data: {},
});

/** npm's host: nanoseconds for an owned message, on the objects that `postMessage` hands over and from JSON text as ours;
 * requests a second, each after the answer to the one before; and bytes a widget. */
async function npms() {
  const log = console.log;
  // It prints every message, with the passwords.
  console.log = console.debug = () => {};
  const listeners = [];
  globalThis.addEventListener = (_kind, found) => listeners.push(found);
  globalThis.window = globalThis;
  const { ClientWidgetApi, Widget, WidgetDriver } = (await import("matrix-widget-api")).default;
  let replies = 0;
  let answered = () => {};
  const contentWindow = {
    postMessage() {
      replies += 1;
      answered();
    },
  };
  const make = () => {
    const widget = new Widget({ id: "lab-widget-1", creatorUserId: "@a:b", type: "m.custom", url: "https://widget.example/" });
    return new ClientWidgetApi(widget, { contentWindow, addEventListener() {} }, new WidgetDriver());
  };
  make();
  const [listener] = listeners;
  const say = (data) => listener({ data, origin: "https://widget.example" });
  const unwatch = request("unwatch_turn_servers");
  const text = JSON.stringify(unwatch);
  const measure = (message) => {
    const rounds = [];
    for (let round = 0; round < 200; round++) {
      const start = process.hrtime.bigint();
      for (let i = 0; i < 500; i++) {
        say(message());
      }
      rounds.push(Number(process.hrtime.bigint() - start) / 500);
    }
    return median(rounds);
  };
  const onObjects = measure(() => ({ ...unwatch }));
  const onText = measure(() => JSON.parse(text));
  if (replies === 0) {
    throw new Error("npm's host did not reply");
  }

  const versions = JSON.stringify(request("supported_api_versions"));
  const begun = performance.now();
  for (let i = 0; i < 20_000; i++) {
    const reply = new Promise((resolve) => (answered = resolve));
    say(JSON.parse(versions));
    await reply;
  }
  const perSecond = 20_000 / ((performance.now() - begun) / 1000);

  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  collect();
  const before = process.memoryUsage().heapUsed;
  const widgets = Array.from({ length: 500 }, make);
  collect();
  const memory = (process.memoryUsage().heapUsed - before) / widgets.length;
  console.log = log;
  return { onObjects, onText, perSecond, memory };
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

const figure = (name, value) => console.log(`${name.padEnd(58)} ${value}`);
const mine = ours();
const npm = await npms();
figure("owned message in, reply out: widget-turn", `${mine.toFixed(0)} ns`);
figure("  npm's ClientWidgetApi, on ready objects", `${npm.onObjects.toFixed(0)} ns, ${(npm.onObjects / mine).toFixed(1)} times ours`);
figure("  npm's ClientWidgetApi, from JSON text", `${npm.onText.toFixed(0)} ns, ${(npm.onText / mine).toFixed(1)} times ours`);

figure("requests a second, one after the other: npm's", npm.perSecond.toFixed(0));
const hosts = drivers();
for (const { host, requests_per_second: perSecond } of hosts) {
  figure(`  ${host}`, `${perSecond}, ${(perSecond / npm.perSecond).toFixed(2)} times npm's`);
}
figure("memory of a widget after its handshake: npm's", `${(npm.memory / 1024).toFixed(1)} KiB, without a handshake`);
for (const { host, bytes_per_widget: bytes } of hosts) {
  figure(`  ${host}`, `${(bytes / 1024).toFixed(1)} KiB, ${(bytes / npm.memory).toFixed(2)} times npm's`);
}
for (const { host, watch_to_update_us: time } of hosts) {
  if (time !== null) {
    figure(`watch to update, credentials in hand: ${host}`, `${time} µs`);
  }
}

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
