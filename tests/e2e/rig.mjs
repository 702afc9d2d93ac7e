// What the end-to-end tests stand on: the real binary, a real Chromium, and waiting for conditions.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** The project's folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** The binary under test. */
export const binary = process.env.WIDGET_TURN_BIN ?? join(root, "target", "debug", "widget-turn");

/** Where screenshots go. */
export const artifacts = join(root, "tests", "e2e", "artifacts");
mkdirSync(artifacts, { recursive: true });

/** Longer than anything may take on a busy machine: only a failure waits for it. */
export const PATIENCE = 60_000;

/** Waits until `look` gives something, or says what it waited for. */
export async function until(what, look, patience = PATIENCE) {
  const deadline = Date.now() + patience;
  for (;;) {
    const seen = await look();
    if (seen) {
      return seen;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${patience} ms for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A port that is free with the one after it. */
export async function freePorts() {
  const listen = async (port) => {
    const server = createServer();
    server.listen(port, "127.0.0.1");
    await Promise.race([once(server, "listening"), once(server, "error").then(([error]) => Promise.reject(error))]);
    return server;
  };
  return until("two free ports in a row", async () => {
    const first = await listen(0);
    const { port } = first.address();
    try {
      (await listen(port + 1)).close();
      return port;
    } catch {
      return null;
    } finally {
      first.close();
    }
  });
}

/** A folder that goes away with the test. */
export function folder(test) {
  const path = mkdtempSync(join(tmpdir(), "widget-turn-e2e-"));
  test.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** What ends with a whole test file, the youngest first: stands where a test is asked for. */
export function file() {
  const ends = [];
  after(async () => {
    for (const end of ends.reverse()) {
      await end();
    }
  });
  return { after: (end) => ends.push(end) };
}

// A run that is broken off ends without the hooks of its tests.
const children = new Set();
process.once("SIGTERM", () => process.exit(1));
process.once("exit", () => {
  for (const child of children) {
    child.kill("SIGKILL");
  }
});

/** Starts a program that ends with the test; its output is shown if the test fails. */
export function program(test, command, args, options = {}) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  const [said, errors] = [[], []];
  for (const [stream, lists] of [
    [child.stdout, [said]],
    [child.stderr, [said, errors]],
  ]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => lists.forEach((list) => list.push(text)));
  }
  // Not its exit: what it said last may come after.
  const ended = once(child, "close");
  children.add(child);
  test.after(async () => {
    child.kill("SIGINT");
    const stubborn = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    await ended;
    clearTimeout(stubborn);
    children.delete(child);
  });
  return { child, ended, output: () => said.join(""), errors: () => errors.join("") };
}

/** A command that serves the page, with its events as they come. */
class Command {
  /** Starts it, and waits until its page can be opened; with a browser of its own where `options.env.BROWSER` names one. */
  static async launch(test, args, options) {
    const command = new this();
    command.events = [];
    const open = options?.env?.BROWSER ? [] : ["--no-open"];
    command.running = program(test, binary, [...args, ...open, "--json"], options);
    createInterface({ input: command.running.child.stdout }).on("line", (line) => command.events.push(JSON.parse(line)));
    const listening = await until(`${args[0]} to listen`, () => {
      if (command.running.child.exitCode !== null) {
        throw new Error(`${args[0]} ended: ${command.running.output()}`);
      }
      return command.of("listening")[0];
    });
    command.url = listening.url;
    command.widget = listening.widget;
    command.turn = listening.turn;
    return command;
  }

  /** The events of one kind. */
  of(kind) {
    return this.events.filter((event) => event.event === kind);
  }

  /** Ends it as a person does. */
  async stop() {
    this.running.child.kill("SIGINT");
    const [code] = await this.running.ended;
    return code;
  }
}

/** `widget-turn demo`. */
export class Demo extends Command {
  static async start(test, ...args) {
    const grants = args.includes("--grants") ? [] : ["--grants", join(folder(test), "grants.json")];
    const listen = args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
    return Demo.launch(test, ["demo", ...listen, ...grants, ...args]);
  }
}

/** `widget-turn host`. */
export class Host extends Command {
  /** Shows a widget of a room to a user of a homeserver, who is known by the access token, or else by the password. */
  static async start(test, { synapse, user, room, widget, data = folder(test) }, ...args) {
    const { options, rest } = Host.account(test, { synapse, user, data });
    const target = ["--room", room, "--widget", widget, "--listen", "127.0.0.1:0"];
    return Host.launch(test, ["host", ...rest, ...target, ...args], options);
  }

  /** The arguments that say who the user is, and the environment. */
  static account(test, { synapse, user, data = folder(test) }) {
    const rest = ["--homeserver", synapse.url, "--user", user.id, "--data", data, "--grants", join(data, "grants.json")];
    const options = { env: { ...process.env, WIDGET_TURN_ACCESS_TOKEN: user.token } };
    return { options, rest };
  }
}

/** A browser for one test file; its camera and microphone are made up. */
export async function browse() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // Without it no candidate is gathered where there is no network but loopback.
      "--allow-loopback-in-peer-connection",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      "--autoplay-policy=no-user-gesture-required",
      // Nobody looks at most of the tabs, and their calls go on.
      "--disable-background-timer-throttling",
      "--disable-backgrounding-occluded-windows",
      "--disable-renderer-backgrounding",
    ],
  });
}

/** A tab on the demo's page, which fails the test on any error that the page meets. */
export class Tab {
  static async open(test, browser, url, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    test.after(() => context.close());
    return Tab.on(await context.newPage(), url);
  }

  /** The demo's page in a page of the browser. */
  static async on(page, url) {
    const tab = new Tab();
    tab.context = page.context();
    tab.page = page;
    tab.errors = [];
    tab.page.on("pageerror", (error) => tab.errors.push(String(error)));
    tab.page.on("console", (message) => {
      if (message.type() === "error") {
        tab.errors.push(message.text());
      }
    });
    tab.page.setDefaultTimeout(PATIENCE);
    await tab.page.goto(url);
    tab.widget = tab.page.frameLocator('[data-testid="widget-frame"]');
    return tab;
  }

  at(id) {
    return this.page.getByTestId(id);
  }

  /** The widget's frame, the one of its last load. */
  frame() {
    return this.page.frames().findLast((frame) => frame.parentFrame() === this.page.mainFrame());
  }

  /** Calls a function of the widget's page by its name on `window`. */
  async call(name, ...args) {
    return this.frame().evaluate(([name, args]) => window[name](...args), [name, args]);
  }

  /** What the widget's page has noted on `window.seen`; null while there is none yet. */
  async seen() {
    return this.frame()?.evaluate(() => (window.seen ? structuredClone(window.seen) : null)).catch(() => null);
  }

  inWidget(id) {
    return this.widget.getByTestId(id);
  }

  async allow(how = "permission-allow-once") {
    await this.at(how).click();
  }

  /** The username of the credentials that the widget holds, once it holds any that differ from `former`. */
  async username(former = "–") {
    return until("credentials in the widget", async () => {
      const name = await this.inWidget("turn-username").textContent();
      return name && name !== "–" && name !== former ? name : null;
    });
  }

  async connected() {
    await until("the round trip through the relay", async () => {
      const state = await this.inWidget("relay-state").textContent();
      if (state?.startsWith("failed")) {
        throw new Error(`the relay: ${state}`);
      }
      return state === "connected";
    });
  }

  async text(id) {
    return this.at(id).textContent();
  }
}

/** The user names of all credentials that the widget in Rust was given since its page was loaded. As one text: a list of texts
 * is not read again if the frame is about to load its page. */
export async function rustUsernames(frame) {
  const lines = await frame.locator("#usernames").innerText();
  return lines.split("\n").filter((line) => line !== "");
}

/** When credentials with this username expire, in ms since 1970. */
export function expiry(username) {
  return Number(username.split(":")[0]) * 1000;
}
