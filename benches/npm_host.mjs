// npm's ClientWidgetApi without a browser, each widget on a window of its own, and what it takes for what our hosts do.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const ORIGIN = "https://widget.example";
const TURN = "town.robin.msc3846.turn_servers";
export const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** @type {((event: object) => void)[]} What each host listens with, in the order in which the hosts were made. */
const listeners = [];
globalThis.addEventListener = (_kind, listener) => listeners.push(listener);
globalThis.window = globalThis;
// It prints every message, with the passwords. Who prints figures writes to stdout.
console.log = console.debug = () => {};
const { ClientWidgetApi, Widget, WidgetDriver } = (await import("matrix-widget-api")).default;

/** The host's side of one widget that does nothing by itself; `hear` is called with what the host posts. */
class Seat {
  constructor(driver = new WidgetDriver()) {
    const widget = new Widget({ id: "lab-widget-1", creatorUserId: "@a:b", type: "m.custom", url: `${ORIGIN}/`, waitForIframeLoad: false });
    const contentWindow = { postMessage: (message) => this.hear(message) };
    this.place = listeners.length;
    this.hear = () => {};
    this.host = new ClientWidgetApi(widget, { contentWindow, addEventListener() {} }, driver);
  }

  say(data) {
    listeners[this.place]({ data, origin: ORIGIN });
  }

  answer(request, response) {
    this.say({ ...request, response });
  }

  /** Until the widget was told that it may have TURN. Answers what it is asked from then on. */
  async shakeHands() {
    const told = new Promise((resolve) => {
      this.hear = (message) => {
        if (message.api === "toWidget" && !message.response) {
          this.answer(message, message.action === "capabilities" ? { capabilities: [TURN] } : {});
          if (message.action === "notify_capabilities") {
            resolve();
          }
        }
      };
    });
    this.say(request("content_loaded"));
    await told;
  }

  /** Watches; the time of each update goes to `told`, as it is posted. */
  watch(told) {
    this.hear = (message) => {
      if (message.action === "update_turn_servers") {
        told(performance.now());
        this.answer(message, {});
      }
    };
    this.say(request("watch_turn_servers"));
  }
}

/** Credentials in hand, and others at each `refresh`. */
class Minting extends WidgetDriver {
  #waiting = [];

  async validateCapabilities(requested) {
    return requested;
  }

  async *getTurnServers() {
    for (;;) {
      yield { uris: ["turn:turn.example.com"], username: "u", password: "p" };
      await new Promise((resolve) => this.#waiting.push(resolve));
    }
  }

  refresh() {
    for (const go of this.#waiting.splice(0)) {
      go();
    }
  }
}

function request(action) {
  return { api: "fromWidget", widgetId: "lab-widget-1", requestId: "widgetapi-1795441358276", action, data: {} };
}

/** Nanoseconds for an owned message, on the objects that `postMessage` hands over and from JSON text as ours. */
export function owned() {
  const seat = new Seat();
  let replies = 0;
  seat.hear = () => (replies += 1);
  const unwatch = request("unwatch_turn_servers");
  const text = JSON.stringify(unwatch);
  const measure = (message) => {
    const rounds = [];
    for (let round = 0; round < 200; round++) {
      const start = process.hrtime.bigint();
      for (let i = 0; i < 500; i++) {
        seat.say(message());
      }
      rounds.push(Number(process.hrtime.bigint() - start) / 500);
    }
    return median(rounds);
  };
  const figures = { onObjects: measure(() => ({ ...unwatch })), onText: measure(() => JSON.parse(text)) };
  if (replies === 0) {
    throw new Error("npm's host did not reply");
  }
  return figures;
}

/** Requests a second, each after the answer to the one before. */
export async function perSecond(requests) {
  const seat = new Seat();
  const text = JSON.stringify(request("supported_api_versions"));
  const begun = performance.now();
  for (let i = 0; i < requests; i++) {
    const reply = new Promise((resolve) => (seat.hear = resolve));
    seat.say(JSON.parse(text));
    await reply;
  }
  return requests / ((performance.now() - begun) / 1000);
}

async function seated(widgets, driver) {
  const seats = [];
  for (let i = 0; i < widgets; i++) {
    const seat = new Seat(driver);
    await seat.shakeHands();
    seats.push(seat);
  }
  return seats;
}

/** Bytes of the heap for a widget after its handshake. */
export async function memory(widgets) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  collect();
  const before = process.memoryUsage().heapUsed;
  const seats = await seated(widgets, new Minting());
  collect();
  return (process.memoryUsage().heapUsed - before) / seats.length;
}

/** Microseconds from a widget's watch to its update, with credentials in hand: the median. */
export async function watchToUpdate(widgets) {
  const times = [];
  for (const seat of await seated(widgets, new Minting())) {
    const begun = performance.now();
    times.push((await new Promise((resolve) => seat.watch(resolve))) - begun);
  }
  return median(times) * 1e3;
}

/** Milliseconds from new credentials until the last of many widgets was sent them: the median of some refreshes. */
export async function fanOut(widgets, refreshes) {
  const driver = new Minting();
  const seats = await seated(widgets, driver);
  let waiting;
  let all;
  const round = () => {
    waiting = widgets;
    return new Promise((resolve) => (all = resolve));
  };
  const told = (at) => {
    waiting -= 1;
    if (waiting === 0) {
      all(at);
    }
  };
  const first = round();
  for (const seat of seats) {
    seat.watch(told);
  }
  await first;
  const times = [];
  for (let i = 0; i < refreshes; i++) {
    // They take up the next only when the answer to the last was heard.
    await new Promise((resolve) => setImmediate(resolve));
    const last = round();
    const begun = performance.now();
    driver.refresh();
    times.push((await last) - begun);
  }
  return median(times);
}
