// Widgets without a browser: each speaks to a running `widget-turn host` by a socket as the page does.

import WebSocket from "ws";

const TURN = "town.robin.msc3846.turn_servers";

/** Numbers in 0..1 by a seed: mulberry32. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** When the credentials of a username end, in ms since 1970. */
export const expiry = (username) => Number(username.split(":")[0]) * 1000;

/** One widget in a tab of its own, which watches TURN servers as soon as it may. */
export class Widget {
  /** @param {string} page the page's address
   * @param {{ patience?: () => number, onUpdate?: (widget: Widget) => void, capabilities?: string[] }} manners how long it takes to answer an update,
   *   in ms, or `Infinity` for never; what hears of each; and what it asks for besides TURN */
  constructor(page, { patience = () => 0, onUpdate = () => {}, capabilities = [] } = {}) {
    Object.assign(this, { page, patience, onUpdate, capabilities });
    this.opened = 0;
    this.updates = 0;
    /** Answers that came to no request, twice, or after the reply to unwatch. */
    this.wrong = [];
  }

  /** Opens its tab. Resolves when the socket is open. */
  async open() {
    const address = new URL("socket", this.page);
    const origin = address.origin;
    address.protocol = "ws:";
    this.opened += 1;
    const socket = new WebSocket(address, { origin, maxPayload: 1 << 26, perMessageDeflate: false });
    this.socket = socket;
    this.#forget();
    socket.on("message", (data) => socket === this.socket && this.#hear(String(data)));
    // What is wrong with it is seen by its end.
    socket.on("error", () => {});
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("close", () => reject(new Error("the page's socket was closed")));
    });
  }

  /** Closes its tab, as a person does. */
  close() {
    this.#forget();
    this.socket.terminate();
  }

  /** Its page is loaded anew. */
  reload() {
    this.#forget();
    this.#begin();
  }

  watch() {
    this.wants = true;
    this.watching = null;
    this.ask("watch_turn_servers", () => {
      this.watching = performance.now();
    });
  }

  unwatch() {
    this.watching = null;
    this.ask("unwatch_turn_servers", () => {
      // Until the answer, updates may still be on their way.
      this.wants = this.asked.size > 0;
      this.held = null;
    });
  }

  /** Sends a request, and calls back with the response where that is no error. */
  ask(action, answered = () => {}) {
    const id = `w${(this.number += 1)}`;
    this.asked.set(id, answered);
    this.#send({ api: "fromWidget", widgetId: this.id, requestId: id, action, data: {} });
  }

  /** Says anything at all. @param {string} text */
  say(text) {
    this.socket.send(`w${text}`);
  }

  #forget() {
    this.asked = new Map();
    this.number = 0;
    /** Whether it is to have updates; null while some for the page before may be on their way. */
    this.wants = null;
    /** Since when it watches, by the clock of this process; null while it does not. */
    this.watching = null;
    /** The username of the credentials that it holds. */
    this.held = null;
    this.page_number = (this.page_number ?? 0) + 1;
  }

  #begin() {
    this.socket.send('c{"type":"loaded"}');
    this.ask("content_loaded");
  }

  #send(message) {
    if (this.socket.readyState === WebSocket.OPEN) {
      this.say(JSON.stringify(message));
    }
  }

  #hear(frame) {
    const message = JSON.parse(frame.slice(1));
    if (frame[0] === "c") {
      if (message.type === "hello") {
        this.id = message.widget_id;
        this.#begin();
      }
      return;
    }
    if (message.response !== undefined) {
      const answered = this.asked.get(message.requestId);
      // The page before may still be answered.
      this.asked.delete(message.requestId);
      if (message.response.error) {
        this.wrong.push(`${message.action}: ${message.response.error.message}`);
      } else {
        answered?.(message.response);
      }
      return;
    }
    const respond = (response) => this.#send({ ...message, response });
    switch (message.action) {
      case "capabilities":
        respond({ capabilities: [TURN, ...this.capabilities] });
        break;
      case "notify_capabilities":
        respond({});
        this.watch();
        break;
      case "supported_api_versions":
        respond({ supported_versions: ["0.0.2"] });
        break;
      case "update_turn_servers": {
        if (this.wants === false) {
          this.wrong.push("an update after unwatch");
        }
        this.held = message.data.username;
        this.updates += 1;
        this.onUpdate(this);
        const [wait, page] = [this.patience(), this.page_number];
        if (wait === 0) {
          respond({});
        } else if (wait < Infinity) {
          setTimeout(() => page === this.page_number && respond({}), wait);
        }
        break;
      }
      default:
        respond({});
    }
  }
}

/** What a process takes: resident memory in MiB, and CPU time in seconds. */
export async function taken(pid) {
  const { readFile } = await import("node:fs/promises");
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const stat = (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /, "").split(" ");
  // utime and stime, in ticks of 10 ms.
  const cpu = (Number(stat[11]) + Number(stat[12])) / 100;
  return { memory: Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024, cpu };
}
