// A widget on npm's matrix-widget-api in a process of its own: what the host says comes in on standard input, one message
// a line; what the widget says goes out on standard output, and so do its reports to the test.

import { createInterface } from "node:readline";

const [id, ...extra] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

// It prints every message, with the passwords.
for (const method of ["log", "debug", "info", "warn", "error"]) console[method] = () => {};

const listeners = [];
globalThis.addEventListener = (_, listener) => listeners.push(listener);
globalThis.removeEventListener = () => {};
globalThis.parent = { postMessage: (message) => say(message) };

const { WidgetApi } = await import("matrix-widget-api").then((module) => module.default ?? module);
const api = new WidgetApi(id, "https://host.example");
api.requestCapability("town.robin.msc3846.turn_servers");
for (const capability of extra) api.requestCapability(capability);
api.on("ready", async () => {
  const granted = ["town.robin.msc3846.turn_servers", ...extra].filter((name) => api.hasCapability(name));
  say({ report: "ready", granted });
  try {
    for await (const server of api.getTurnServers()) say({ report: "update", server });
  } catch (error) {
    say({ report: "error", message: error.message });
  }
});

// Each is a task of its own, as message events are in a browser.
const hear = (data) => listeners.forEach((listener) => listener({ data, origin: "https://host.example" }));
createInterface({ input: process.stdin }).on("line", (line) => setImmediate(hear, JSON.parse(line)));
api.start();
api.sendContentLoaded();
