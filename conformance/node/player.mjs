// Plays a script to a host: the widget, the person and the homeserver at once.

import { readFileSync, readdirSync } from "node:fs";

import { matches } from "./pattern.mjs";

/** The id of the widget in every script. */
export const WIDGET_ID = "20220712_WidgetExample";
/** How long a message of the host's may take where the script does not say, in seconds. */
const PATIENCE = 3;

const folder = new URL("../", import.meta.url);
const read = (path) => JSON.parse(readFileSync(new URL(path, folder), "utf8"));

/** All scripts by name, with the steps of their parts. */
export function scripts() {
  const flat = (steps) => steps.flatMap((step) => (step.play ? flat(read(`parts/${step.play}.json`).steps) : [step]));
  const script = (file) => {
    const { announces = true, needs = [], ...rest } = read(`scripts/${file}`);
    const steps = flat(rest.steps);
    return { ...rest, name: file.replace(/\.json$/, ""), announces, steps, needs: [...needs, ...steps.flatMap(need)] };
  };
  const byName = (a, b) => (a.name < b.name ? -1 : 1);
  return readdirSync(new URL("scripts/", folder)).map(script).sort(byName);
}

/** Some steps tell by themselves what they need. */
function need(step) {
  if (step.page === "closes") return ["close"];
  if (step.unlogged !== undefined) return ["log"];
  if (step.widget?.from !== undefined) return ["window"];
  const turn = step.grant === undefined && /turn_servers|town\.robin\.msc3846/.test(JSON.stringify(step));
  return turn ? ["turn"] : [];
}

/** Why a host failed a script. */
class Failure extends Error {}

/**
 * Plays the script to its end, or to where the host does something else: `{ step, why }`, or `undefined`.
 *
 * The host has `handIn(text, from)`, `pageLoads()`, `pageCloses()`, `grant(names | "later")`, `source(answer)`,
 * `asked()`, `log()`, `now()` in seconds, and `next(seconds)`: its next message to the widget, or `undefined` when none
 * came and so much time has passed.
 */
export async function play(script, host) {
  const player = new Player(host);
  let step = 0;
  try {
    for (; step < script.steps.length; step++) {
      await player.step(script.steps[step]);
    }
    await player.silence(0);
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    return { step: step + 1, why: failure.message };
  }
}

class Player {
  /** What the host said that no step has taken yet. */
  #heard = [];
  /** The widget's requests by name, which the host is to answer; gone once it has. */
  #asked = new Map();
  /** The host's requests by name, which the widget can answer. */
  #requests = new Map();
  #nextId = 0;

  constructor(host) {
    this.host = host;
  }

  async step(step) {
    const [[kind, value]] = Object.entries(step);
    switch (kind) {
      case "page":
        return value === "loads" ? this.host.pageLoads() : this.host.pageCloses();
      case "widget":
        return this.#say(value);
      case "source":
        return this.host.source(value);
      case "grant":
        return this.host.grant(value);
      case "host":
        return this.#expect(value.in_any_order ?? [value], value.within ?? PATIENCE);
      case "after":
        return this.#wait(value);
      case "silence":
        return this.silence(value);
      case "unasked":
        return this.#unasked(value);
      case "unlogged":
        if (this.host.log().includes(value)) throw new Failure(`\`${value}\` is in the log`);
        return;
      default:
        throw new Error(`no such step: ${kind}`);
    }
  }

  async #say(said) {
    if (said.text !== undefined) return this.host.handIn(said.text);
    if (said.answer !== undefined) {
      return this.host.handIn(JSON.stringify({ ...this.#requests.get(said.answer), response: said.response }));
    }
    const message = said.message ?? {
      api: "fromWidget",
      widgetId: WIDGET_ID,
      requestId: `script-${++this.#nextId}`,
      action: said.request,
      data: said.data ?? {},
    };
    if (said.as !== undefined) this.#asked.set(said.as, message);
    await this.host.handIn(JSON.stringify(message), said.from);
  }

  /** These come next, in any order. */
  async #expect(wanted, within) {
    const until = this.host.now() + within;
    const missing = [...wanted];
    while (missing.length > 0) {
      const text = this.#heard.shift() ?? (await this.host.next(Math.max(until - this.host.now(), 0)));
      if (text === undefined) throw new Failure(`expected ${shown(missing[0])}, nothing came in ${within} s`);
      const message = parsed(text);
      this.#checkEnvelope(message, text);
      const found = missing.findIndex((one) => this.#isWanted(one, message));
      if (found < 0) throw new Failure(`expected ${shown(missing[0])}, came ${short(message)}`);
      const [one] = missing.splice(found, 1);
      if (one.answers !== undefined) this.#asked.delete(one.answers);
      else this.#requests.set(one.as, message);
    }
  }

  /** What is true of every message of a host's. */
  #checkEnvelope(message, text) {
    const fail = (why) => {
      throw new Failure(`${why}: ${cut(text)}`);
    };
    if (message.widgetId !== WIDGET_ID) fail("not this widget's id");
    if (typeof message.action !== "string" || typeof id(message) !== "string") fail("no action or no id");
    const { response, ...request } = message;
    if (message.api === "toWidget" && response === undefined && matches({ $kind: "object" }, message.data)) return;
    if (message.api !== "fromWidget" || !matches({ $kind: "object" }, response)) {
      fail("neither a request to the widget nor an answer");
    }
    if (![...this.#asked.values()].some((asked) => matches(asked, request))) {
      fail("an answer that is not the open request and its response");
    }
  }

  #isWanted(wanted, message) {
    if (wanted.answers !== undefined) {
      const asked = this.#asked.get(wanted.answers);
      const answers = message.response !== undefined && asked !== undefined && id(asked) === id(message);
      return answers && matches(wanted.response, message.response);
    }
    const isRequest = message.response === undefined && message.action === wanted.request;
    return isRequest && (wanted.data === undefined || matches(wanted.data, message.data));
  }

  async #wait(seconds) {
    const until = this.host.now() + seconds;
    for (let text; (text = await this.host.next(Math.max(until - this.host.now(), 0))) !== undefined; ) {
      this.#heard.push(text);
    }
  }

  async silence(seconds) {
    const text = this.#heard.shift() ?? (await this.host.next(seconds));
    if (text !== undefined) throw new Failure(`expected nothing, came ${short(parsed(text))}`);
  }

  async #unasked(seconds) {
    const before = this.host.asked();
    await this.#wait(seconds);
    const times = this.host.asked() - before;
    if (times > 0) throw new Failure(`the homeserver was asked ${times} times`);
  }
}

/** What the host said. */
function parsed(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    // Told below.
  }
  if (typeof message !== "object" || message === null) throw new Failure(`expected an object, came ${cut(text)}`);
  return message;
}

/** The MSC prints `requestid`, everybody writes `requestId`. */
const id = (message) => message.requestId ?? message.requestid;
const cut = (text) => [...text].slice(0, 200).join("");

function shown({ answers, response, request, data }) {
  if (answers !== undefined) return `the answer ${JSON.stringify(response)} to \`${answers}\``;
  if (data === undefined) return request;
  return data.username === undefined ? `${request} ${JSON.stringify(data)}` : `${request} with "${data.username}"`;
}

/** A message in a few words, without its ids. */
function short({ action = "what has no action", response, data }) {
  if (response !== undefined) return cut(`the answer ${JSON.stringify(response)} to ${action}`);
  return data?.username === undefined ? cut(`${action} ${JSON.stringify(data)}`) : `${action} with "${data.username}"`;
}
