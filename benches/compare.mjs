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

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const run = (...args) => execFileSync("cargo", args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** Nanoseconds for an owned message in and its reply out of our layer, the median. */
function ours() {
  run("bench", "-p", "widget-turn-proto", "--bench", "layer", "--", "owned");
  const path = join(root, "target", "criterion", "owned message in, reply out", "new", "estimates.json");
  return JSON.parse(readFileSync(path, "utf8")).median.point_estimate;
}

/** The same for npm's host: on the objects that `postMessage` hands over, and from JSON text as ours. */
async function npms() {
  const log = console.log;
  // It prints every message, with the passwords.
  console.log = console.debug = () => {};
  let listener;
  globalThis.addEventListener = (_kind, found) => (listener = found);
  globalThis.window = globalThis;
  const { ClientWidgetApi, Widget, WidgetDriver } = (await import("matrix-widget-api")).default;
  const widget = new Widget({ id: "lab-widget-1", creatorUserId: "@a:b", type: "m.custom", url: "https://widget.example/" });
  let replies = 0;
  const iframe = { contentWindow: { postMessage: () => (replies += 1) }, addEventListener() {} };
  new ClientWidgetApi(widget, iframe, new WidgetDriver());
  const text = `{"api":"fromWidget","widgetId":"lab-widget-1","requestId":"widgetapi-1795441358276","action":"unwatch_turn_servers","data":{}}`;
  const measure = (message) => {
    const rounds = [];
    for (let round = 0; round < 200; round++) {
      const start = process.hrtime.bigint();
      for (let i = 0; i < 500; i++) {
        listener({ data: message(), origin: "https://widget.example" });
      }
      rounds.push(Number(process.hrtime.bigint() - start) / 500);
    }
    return median(rounds);
  };
  const onObjects = measure(() => ({ ...JSON_READY }));
  const onText = measure(() => JSON.parse(text));
  console.log = log;
  if (replies === 0) {
    throw new Error("npm's host did not reply");
  }
  return { onObjects, onText };
}
const JSON_READY = {
  api: "fromWidget",
  widgetId: "lab-widget-1",
  requestId: "widgetapi-1795441358276",
  action: "unwatch_turn_servers",
  data: {},
};

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
const { onObjects, onText } = await npms();
figure("owned message in, reply out: widget-turn", `${mine.toFixed(0)} ns`);
figure("  npm's ClientWidgetApi, on ready objects", `${onObjects.toFixed(0)} ns, ${(onObjects / mine).toFixed(1)} times ours`);
figure("  npm's ClientWidgetApi, from JSON text", `${onText.toFixed(0)} ns, ${(onText / mine).toFixed(1)} times ours`);

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
