// npm's ClientWidgetApi as a host for the scripts. It leaves the homeserver to the client's WidgetDriver; `Driver` below
// stands in for a client that does its part well, in the way that the interface asks for: an async generator.

import { createRequire } from "node:module";

import { Clock, rest } from "../node/clock.mjs";
import { WIDGET_ID } from "../node/player.mjs";

const clock = new Clock();
clock.install();

let log = "";
for (const method of ["log", "debug", "info", "warn", "error"]) {
  const print = console[method];
  // It prints every message, with the passwords.
  console[method] = (...values) => (speaking ? print(...values) : void (log += values.map(text).join(" ")));
}
let speaking = true;
const text = (value) => (value instanceof Error ? value.message : typeof value === "string" ? value : JSON.stringify(value));

const require = createRequire(import.meta.url);
const { version } = require("matrix-widget-api/package.json");
const { ClientWidgetApi, Widget, WidgetDriver } = require("matrix-widget-api");

export const name = `matrix-widget-api ${version}`;

/** Why a script cannot be played to it. */
export const missing = {
  poll: "the client's part: its WidgetDriver polls, and judges the answers",
};

/** As long as a request to the homeserver takes before a client gives it up, in seconds. */
const FETCH_PATIENCE = 30;
const PAUSE = 5;

class Driver extends WidgetDriver {
  granted = [];
  answer = "silent";
  fetches = 0;
  #waiting = [];

  validateCapabilities(requested) {
    return this.#when(() => this.granted !== "later", () => new Set([...requested].filter((it) => this.granted.includes(it))));
  }

  /** Credentials when there are any, and again when they are others. Ends by an error that lasts. */
  async *getTurnServers() {
    for (let last; ; ) {
      const { status, body } = await this.#fetch();
      const lasts = [401, 403].includes(status) || body?.errcode === "M_NOT_FOUND" || (status === 200 && isEmpty(body));
      if (lasts) throw Object.assign(new Error("refused"), { status, body });
      if (status !== 200 || typeof body !== "object") {
        await clock.sleep(PAUSE);
        continue;
      }
      const { uris, username, password, ttl } = body;
      if (username !== last) yield { uris, username, password };
      last = username;
      await clock.sleep(ttl / 2);
    }
  }

  processError({ status, body }) {
    return { matrix_api_error: { http_status: status, http_headers: {}, url: "", response: body } };
  }

  async #fetch() {
    this.fetches += 1;
    const answered = this.#when(() => this.answer !== "silent", () => this.answer);
    return Promise.race([answered, clock.sleep(FETCH_PATIENCE).then(() => ({ status: 504 }))]);
  }

  /** The value, once the condition holds. */
  #when(holds, value) {
    return new Promise((resolve) => {
      this.#waiting.push(() => holds() && (resolve(value()), true));
      this.changed();
    });
  }

  /** The script has changed something. */
  changed() {
    this.#waiting = this.#waiting.filter((look) => !look());
  }
}

const isEmpty = (body) => typeof body === "object" && !body.uris?.length;

/** The host, the client around it, and the little of a browser that it needs. */
class Host {
  #toWidget = [];
  #driver = new Driver();
  #loads = [];
  #listeners = [];
  #widgetsWindow = { postMessage: (message) => this.#toWidget.push(JSON.stringify(message)) };

  constructor(script) {
    clock.clear();
    log = "";
    globalThis.addEventListener = (_kind, listener) => this.#listeners.push(listener);
    globalThis.removeEventListener = (_kind, listener) => (this.#listeners = this.#listeners.filter((it) => it !== listener));
    const widget = new Widget({
      id: WIDGET_ID,
      creatorUserId: "@user:example.com",
      type: "m.custom",
      url: "https://widget.example/",
      waitForIframeLoad: !script.announces,
    });
    const iframe = { contentWindow: this.#widgetsWindow, addEventListener: (_kind, listener) => this.#loads.push(listener) };
    this.api = new ClientWidgetApi(widget, iframe, this.#driver);
  }

  async handIn(text, from) {
    const source = from === undefined ? this.#widgetsWindow : {};
    const origin = from === undefined ? "https://widget.example" : "https://elsewhere.example";
    let data = text;
    try {
      data = JSON.parse(text);
    } catch {
      // Text that is no JSON is posted as the string that it is.
    }
    for (const listener of this.#listeners) {
      try {
        listener({ data, source, origin });
      } catch (error) {
        // A browser reports it and goes on.
        log += error.message;
      }
    }
    await rest();
  }

  async pageLoads() {
    this.#loads.forEach((listener) => listener({}));
    await rest();
  }

  async pageCloses() {
    this.api.stop();
    await rest();
  }

  async grant(names) {
    this.#driver.granted = names;
    this.#driver.changed();
    await rest();
  }

  async source(answer) {
    this.#driver.answer = answer;
    this.#driver.changed();
    await rest();
  }

  asked() {
    return this.#driver.fetches;
  }

  log() {
    return log;
  }

  now() {
    return clock.now / 1000;
  }

  async next(seconds) {
    const end = clock.now + seconds * 1000;
    while (this.#toWidget.length === 0 && (await clock.step(end)));
    return this.#toWidget.shift();
  }
}

export async function played(script, play) {
  speaking = false;
  try {
    return await play(script, new Host(script));
  } finally {
    speaking = true;
  }
}
