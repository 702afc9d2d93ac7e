#!/usr/bin/env node
// Many widgets in one `widget-turn host` for a while, on a real Synapse and a real coturn that fail in every way, at
// credentials that live for 10 s. Prints figures, asserts nothing. `./test` first: it installs what this needs.
//
//     node benches/soak.mjs [widgets = 1000] [minutes = 10] [seed]

import { createServer, request } from "node:http";
import { SECRET, coturn, secretFile } from "../tests/e2e/coturn.mjs";
import { Host, binary, folder, program } from "../tests/e2e/rig.mjs";
import { Synapse } from "../tests/e2e/synapse.mjs";
import { Widget, expiry, random, taken } from "./widgets.mjs";

const WIDGETS = Number(process.argv[2] ?? 1000);
const MINUTES = Number(process.argv[3] ?? 10);
const SEED = Number(process.argv[4] ?? Date.now() % 1_000_000);
/** Seconds that credentials live, and how long before their end they are to be renewed (rule C2). */
const [TTL, MARGIN] = [10, 5];
/** A homeserver is tried again after 2.5 s at most while credentials are about to end, and may let a request hang meanwhile: it
 * could be reached if it was there for so long, in ms. */
const THERE = 3_000;
/** By then an update is lost, in ms: for widgets that answer at once, and for those that take their time. */
const [LOST, LOST_SLOW] = [3_000, 15_000];

const chance = random(SEED);
const now = () => performance.now();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const figure = (name, value) => console.log(`${name.padEnd(52)} ${value}`);

const ends = [];
const test = { after: (end) => ends.push(end) };

/** Stands before Synapse and fails its TURN endpoint for up to 2 s at a time. */
class Faults {
  /** What was handed out, and when: the newest last. */
  issued = [];
  counts = new Map();
  /** When credentials could be had: spans of time, of which the last is open. */
  #reachable = [{ from: 0, to: Infinity }];
  #fault = null;
  #isUp = true;

  async start(target) {
    const server = createServer((from, to) => this.#pass(new URL(target), from, to));
    server.keepAliveTimeout = 60_000;
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${server.address().port}`;
    test.after(() => server.closeAllConnections() || server.close());
  }

  set isUp(value) {
    this.#isUp = value;
    this.#note();
  }

  /** Fails, works, fails. */
  async play(until) {
    const kinds = ["429", "429 without Retry-After", "500", "502 as HTML", "no JSON", "cut off", "never"];
    while (now() < until) {
      await sleep(2_000 + 8_000 * chance());
      this.#fault = kinds[Math.floor(kinds.length * chance())];
      this.#note();
      await sleep(500 + 1_500 * chance());
      this.#fault = null;
      this.#note();
    }
  }

  /** Whether credentials could be had in this span. */
  wasReachable(from, to) {
    return this.#reachable.some((span) => Math.min(span.to, to) - Math.max(span.from, from) >= THERE);
  }

  #note() {
    const last = this.#reachable.at(-1);
    const is = this.#isUp && this.#fault === null;
    if (!is && last.to === Infinity) {
      last.to = now();
    } else if (is && last.to !== Infinity) {
      this.#reachable.push({ from: now(), to: Infinity });
    }
  }

  #pass(target, from, to) {
    const isTurn = from.url.endsWith("/voip/turnServer");
    if (isTurn && this.#fault) {
      this.counts.set(this.#fault, (this.counts.get(this.#fault) ?? 0) + 1);
      return this.#fail(this.#fault, to);
    }
    const options = { host: target.hostname, port: target.port, method: from.method, path: from.url, headers: from.headers };
    const onward = request(options, (answer) => {
      to.writeHead(answer.statusCode, answer.headers);
      const body = [];
      answer.on("data", (part) => {
        to.write(part);
        body.push(part);
      });
      answer.on("end", () => {
        if (isTurn && answer.statusCode === 200) {
          this.issued.push({ username: JSON.parse(Buffer.concat(body)).username, at: now() });
        }
        to.end();
      });
      answer.on("error", () => to.destroy());
    });
    onward.on("error", () => to.destroy());
    from.pipe(onward);
    to.on("close", () => onward.destroy());
  }

  #fail(fault, to) {
    const limited = JSON.stringify({ errcode: "M_LIMIT_EXCEEDED", error: "too many" });
    switch (fault) {
      case "429":
        return to.writeHead(429, { "retry-after": "1", "content-type": "application/json" }).end(limited);
      case "429 without Retry-After":
        return to.writeHead(429, { "content-type": "application/json" }).end(limited);
      case "500":
        return to.writeHead(500).end();
      case "502 as HTML":
        return to.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad Gateway</h1>");
      case "no JSON":
        return to.writeHead(200, { "content-type": "application/json" }).end("{");
      case "cut off":
        to.writeHead(200, { "content-length": "1000" }).write("{");
        return setTimeout(() => to.destroy(), 50);
      default:
        return setTimeout(() => to.destroy(), 3_000);
    }
  }
}

/** What goes on with the widgets besides: each tenth does something of its own. */
async function live(widget, number, until) {
  while (number % 10 < 4 && now() < until) {
    await sleep(15_000 + 20_000 * chance());
    switch (number % 10) {
      case 0:
        widget.close();
        await sleep(1_000 * chance());
        await widget.open();
        break;
      case 1:
        widget.unwatch();
        await sleep(3_000 * chance());
        widget.watch();
        break;
      case 2:
        widget.reload();
        break;
      case 3:
        widget.unwatch();
        widget.watch();
        widget.watch();
        break;
    }
  }
}

const isSilent = (number) => number % 100 === 55;
const isSlow = (number) => number % 10 === 6;

/** Looks at all widgets ten times a second. */
class Eye {
  seconds = { expired: 0, broken: 0, watched: 0 };
  lost = [];
  #last = now();
  #episodes = new Map();

  look(widgets, faults) {
    const [time, wall] = [now(), Date.now()];
    const passed = (time - this.#last) / 1000;
    this.#last = time;
    const newest = faults.issued.at(-1);
    for (const [number, widget] of widgets.entries()) {
      if (!newest || isSilent(number) || widget.watching === null || time - widget.watching < 2_500) {
        this.#episodes.delete(number);
        continue;
      }
      this.seconds.watched += passed;
      const ended = expiry(widget.held ?? newest.username);
      if (widget.held === null || ended <= wall) {
        // Rule C3 promises nothing where the homeserver could not be reached in the margin of the last credentials.
        if (!this.#episodes.has(number)) {
          const then = time - Math.max(0, wall - ended);
          this.#episodes.set(number, faults.wasReachable(then - MARGIN * 1000, then));
        }
        this.seconds[this.#episodes.get(number) ? "expired" : "broken"] += passed;
      } else {
        this.#episodes.delete(number);
      }
      const patience = isSlow(number) ? LOST_SLOW : LOST;
      if (expiry(newest.username) > wall && time - Math.max(newest.at, widget.watching) > patience && widget.held !== newest.username) {
        const loss = `${number} ${newest.username}`;
        if (!this.lost.includes(loss)) {
          this.lost.push(loss);
        }
      }
    }
  }
}

function quantile(list, part) {
  const sorted = Float64Array.from(list).sort();
  return `${sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]?.toFixed(0)} ms`;
}

try {
  console.log(`seed ${SEED}`);
  const relay = await coturn(test);
  const turn = { uris: [relay.udp], secret: SECRET, lifetime: TTL };
  const synapse = await Synapse.start(test, { turn });
  const alice = await synapse.user("alice");
  const room = await synapse.room([alice]);
  const faults = new Faults();
  await faults.start(synapse.url);
  const through = { url: faults.url };
  const origin = "http://127.0.0.1:9";
  const place = { synapse: through, user: alice, room, widget: `${origin}/`, data: folder(test) };
  const host = await Host.start(test, place, "--trust-origin", origin);
  const pid = host.running.child.pid;
  const relays = async () => {
    const check = program(test, binary, ["check", relay.udp, "--secret-file", secretFile(test), "--json"]);
    const [code] = await check.ended;
    return code === 0 ? "well" : `exit code ${code}`;
  };

  const alone = await taken(pid);
  const latencies = [];
  const seen = (widget) => {
    const edition = faults.issued.findLast(({ username }) => username === widget.held);
    // A widget that begins is given what is there already.
    if (edition && edition === faults.issued.at(-1) && widget.watching !== null && widget.watching < edition.at) {
      latencies.push(now() - edition.at);
    }
  };
  const widgets = Array.from({ length: WIDGETS }, (_, number) => {
    const patience = () => (isSilent(number) ? Infinity : isSlow(number) ? 5_000 * chance() : 0);
    return new Widget(host.url, { patience, onUpdate: isSlow(number) || isSilent(number) ? () => {} : seen });
  });
  const opening = now();
  for (const widget of widgets) {
    await widget.open();
  }
  figure(`${WIDGETS} widgets opened`, `in ${((now() - opening) / 1000).toFixed(1)} s`);

  const [begun, end] = [now(), now() + MINUTES * 60_000];
  const eye = new Eye();
  const looking = setInterval(() => eye.look(widgets, faults), 100);
  const memories = [];
  const measuring = setInterval(async () => memories.push((await taken(pid)).memory), 5_000);
  const before = await taken(pid);
  const lives = widgets.map((widget, number) => live(widget, number, end));
  // Those that open a tab while all ends.
  lives.forEach((one) => one.catch((error) => now() < end && console.log(String(error))));
  faults.play(end);

  figure("TURN server, at the start", await relays());
  await sleep(begun + 0.4 * MINUTES * 60_000 - now());
  faults.isUp = false;
  const killed = now();
  await synapse.pause("SIGKILL");
  await synapse.resume();
  faults.isUp = true;
  figure("homeserver killed, and back", `after ${((now() - killed) / 1000).toFixed(1)} s`);
  await sleep(begun + 0.6 * MINUTES * 60_000 - now());
  await relay.crash();
  figure("TURN server killed, and back", await relays());
  await sleep(end - now());

  clearInterval(looking);
  clearInterval(measuring);
  const after = await taken(pid);
  const part = (from, to) => {
    const cut = memories.slice(Math.floor(from * memories.length), Math.ceil(to * memories.length));
    return `${(cut.reduce((sum, one) => sum + one, 0) / cut.length).toFixed(0)} MiB`;
  };
  const updates = widgets.reduce((sum, widget) => sum + widget.updates, 0);
  const wrong = widgets.flatMap((widget) => widget.wrong);
  figure("faults", [...faults.counts].map(([kind, count]) => `${kind}: ${count}`).join(", "));
  figure("credentials issued", `${faults.issued.length} in ${MINUTES * 60} s, for all`);
  figure("updates received", `${updates}, tabs opened ${widgets.reduce((sum, widget) => sum + widget.opened, 0)}`);
  figure("from the homeserver's answer to the widget", `median ${quantile(latencies, 0.5)}, 99 % ${quantile(latencies, 0.99)}, most ${quantile(latencies, 1)}`);
  figure("updates lost", `${eye.lost.length} ${eye.lost.slice(0, 5).join(", ")}`);
  figure("widget-seconds watched", eye.seconds.watched.toFixed(0));
  figure("  with expired credentials", `${eye.seconds.expired.toFixed(1)} s`);
  figure(`  after more than the margin of ${MARGIN} s without any`, `${eye.seconds.broken.toFixed(1)} s`);
  figure("answers that were wrong", `${wrong.length} ${wrong.slice(0, 3).join("; ")}`);
  figure("memory, without widgets", `${alone.memory.toFixed(0)} MiB`);
  figure("  each fifth of the time", [0, 1, 2, 3, 4].map((fifth) => part(fifth / 5, (fifth + 1) / 5)).join(", "));
  figure("  a widget", `${(((before.memory - alone.memory) / WIDGETS) * 1024).toFixed(0)} KiB`);
  figure("CPU", `${(((after.cpu - before.cpu) / (MINUTES * 60)) * 100).toFixed(1)} % of a core`);
} finally {
  for (const end of ends.reverse()) {
    await end();
  }
  process.exit();
}
