#!/usr/bin/env node
// A widget that floods in every way, beside ordinary ones that live on credentials of 10 s, in one `widget-turn host` on a real
// Synapse. It speaks by the socket itself: the page, which lets a widget say 100 messages a second, is not there to hold it.
// Prints figures, asserts nothing. `./test` first: it installs what this needs.
//
//     node benches/flood.mjs [seconds a stage = 60] [messages = 1000000] [the only stage]

import { createServer, request } from "node:http";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { Host, folder } from "../tests/e2e/rig.mjs";
import { Synapse } from "../tests/e2e/synapse.mjs";
import { Widget, taken } from "./widgets.mjs";

const [TTL, ORDINARY] = [10, 20];
const MIB = 1 << 20;

const now = () => performance.now();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

if (isMainThread) {
  await main();
} else {
  await flood(workerData);
}

/** What the flooding widget does, in a thread of its own: it must not slow those who measure. */
async function flood({ page, way, seconds, messages }) {
  const widget = new Widget(page, { capabilities: ["org.matrix.msc2762.send.event:org.example.note"] });
  await widget.open();
  while (widget.watching === null) {
    await sleep(10);
  }
  const { socket } = widget;
  const begun = now();
  let said = 0;
  /** Says it as soon as the socket takes it, and gives up with the stage. */
  const say = async (message) => {
    widget.say(typeof message === "string" ? message : JSON.stringify(message));
    said += 1;
    while (socket.bufferedAmount > 256 * 1024 && now() < begun + seconds * 1000 && socket.readyState === socket.OPEN) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const asking = (action, data = {}) => ({ api: "fromWidget", widgetId: widget.id, requestId: `f${said}`, action, data });
  const answered = (action) => new Promise((resolve) => widget.ask(action, resolve));
  const over = () => now() >= begun + seconds * 1000 || socket.readyState !== socket.OPEN;
  switch (way) {
    case "messages":
    case "deaf":
      if (way === "deaf") {
        socket.pause();
      }
      while (said < messages && !over()) {
        await say(asking("supported_api_versions"));
      }
      break;
    case "passing":
      while (said < messages && !over()) {
        await say(asking("org.example.unknown"));
      }
      break;
    case "events": {
      const data = { type: "org.example.note", content: { text: "a".repeat(10_000) } };
      while (said < messages && !over()) {
        await say(asking("send_event", data));
      }
      break;
    }
    case "large": {
      const data = { text: "a".repeat(50 * 1000 * 1000) };
      await say(asking("org.example.unknown", data));
      await say(asking("watch_turn_servers", data));
      break;
    }
    case "larges": {
      const large = JSON.stringify(asking("org.example.unknown", { text: "a".repeat(50 * 1000 * 1000) }));
      while (!over()) {
        await say(large);
      }
      break;
    }
    case "loop":
      while (!over()) {
        await say(asking("unwatch_turn_servers"));
        await say(asking("watch_turn_servers"));
      }
      break;
  }
  if (way !== "deaf") {
    // All before it is taken by then, or nearly.
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await Promise.race([answered("supported_api_versions"), closed, sleep(10_000)]);
  }
  const took = (now() - begun) / 1000;
  parentPort.postMessage({ said, took, open: socket.readyState === socket.OPEN });
  socket.terminate();
}

/** Passes requests on to a homeserver, and notes when credentials are handed out. */
async function through(target, test) {
  const issued = new Map();
  const server = createServer((from, to) => {
    const options = { host: target.hostname, port: target.port, method: from.method, path: from.url, headers: from.headers };
    const onward = request(options, (answer) => {
      const body = [];
      answer.on("data", (part) => body.push(part));
      answer.on("error", () => to.destroy());
      answer.on("end", () => {
        const whole = Buffer.concat(body);
        if (from.url.endsWith("/voip/turnServer") && answer.statusCode === 200) {
          issued.set(JSON.parse(whole).username, now());
        }
        to.writeHead(answer.statusCode, answer.headers).end(whole);
      });
    });
    onward.on("error", () => to.destroy());
    from.pipe(onward);
    to.on("close", () => onward.destroy());
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => server.closeAllConnections() || server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, issued };
}

function spread(list) {
  const sorted = Float64Array.from(list).sort();
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]?.toFixed(1) ?? "–";
  return `${at(0.5)} / ${at(0.99)} / ${at(1)}`;
}

async function main() {
  const SECONDS = Number(process.argv[2] ?? 60);
  const MESSAGES = Number(process.argv[3] ?? 1_000_000);
  const ends = [];
  const test = { after: (end) => ends.push(end) };
  try {
    const turn = { uris: ["turn:127.0.0.1:3478?transport=udp"], secret: "of the bench", lifetime: TTL };
    const synapse = await Synapse.start(test, { turn });
    const alice = await synapse.user("alice");
    const room = await synapse.room([alice]);
    const proxy = await through(new URL(synapse.url), test);
    const origin = "http://127.0.0.1:9";
    const place = { synapse: { url: proxy.url }, user: alice, room, widget: `${origin}/`, data: folder(test) };
    const host = await Host.start(test, place, "--trust-origin", origin);
    const { pid } = host.running.child;

    let [updates, answers] = [[], []];
    const onUpdate = (widget) => {
      const at = proxy.issued.get(widget.held);
      // A widget that begins is given what is there already.
      if (at !== undefined && widget.watching !== null && widget.watching < at) {
        updates.push(now() - at);
      }
    };
    const widgets = Array.from({ length: ORDINARY }, () => new Widget(host.url, { onUpdate }));
    for (const widget of widgets) {
      await widget.open();
    }
    const asking = setInterval(() => {
      for (const widget of widgets) {
        const asked = now();
        widget.ask("supported_api_versions", () => answers.push(now() - asked));
      }
    }, 250);

    console.log(`| stage | messages | a second | MiB before / peak / after | CPU, % of a core | update, ms | answer, ms |`);
    console.log(`|---|---|---|---|---|---|---|`);
    for (const [way, name] of [
      [null, "nobody floods"],
      ["messages", `${MESSAGES} requests, answers read`],
      ["deaf", "requests, answers not read"],
      ["passing", `${MESSAGES} requests of others`],
      ["events", "events of 10 KB for the homeserver"],
      ["large", "2 messages of 50 MB"],
      ["larges", "messages of 50 MB without end"],
      ["loop", "unwatch and watch without end"],
    ]) {
      if (process.argv[4] && way !== process.argv[4]) {
        continue;
      }
      await sleep(2000);
      [updates, answers] = [[], []];
      const before = await taken(pid);
      let peak = before.memory;
      const measuring = setInterval(async () => (peak = Math.max(peak, (await taken(pid)).memory)), 20);
      const begun = now();
      let result = null;
      if (way) {
        const worker = new Worker(new URL(import.meta.url), {
          workerData: { page: host.url, way, seconds: SECONDS, messages: MESSAGES },
        });
        result = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
        await worker.terminate();
      }
      const { cpu } = await taken(pid);
      const took = (now() - begun) / 1000;
      // What comes too early to be measured is measured with what comes after.
      await sleep(Math.max(0, begun + Math.min(SECONDS, 20) * 1000 - now(), way === null ? SECONDS * 1000 : 0));
      clearInterval(measuring);
      await sleep(3000);
      const after = await taken(pid);
      const memory = [before.memory, peak, after.memory].map((one) => one.toFixed(0)).join(" / ");
      const load = way ? (cpu - before.cpu) / took : (after.cpu - before.cpu) / ((now() - begun) / 1000);
      const rate = result ? (result.said / result.took).toFixed(result.said > 1000 ? 0 : 1) : "";
      const said = result ? `${result.said}${result.open ? "" : ", hung up on"}` : "";
      console.log(`| ${name} | ${said} | ${rate} | ${memory} | ${(load * 100).toFixed(0)} | ${spread(updates)} | ${spread(answers)} |`);
    }
    clearInterval(asking);
    const wrong = widgets.flatMap((widget) => widget.wrong);
    console.log(`\nEach time: median / 99 % / most, for ${ORDINARY} ordinary widgets. Answers of theirs that were wrong: ${wrong.length}.`);
  } finally {
    for (const end of ends.reverse()) {
      await end();
    }
    process.exit();
  }
}
