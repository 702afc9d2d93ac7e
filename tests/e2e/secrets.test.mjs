// No secret is anywhere but where it must be: canaries in all of them, through the whole system, with all that it can log.

import assert from "node:assert/strict";
import { readFileSync, readdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { coturn, password as minted, secretFile } from "./coturn.mjs";
import { Demo, Host, Tab, binary, browse, expiry, file, folder, program, until } from "./rig.mjs";
import { ready, widgetUrl } from "./seat.mjs";
import { site } from "./site.mjs";
import { Synapse } from "./synapse.mjs";

const SECRET = "canary-turn-secret/+=";
const PASSWORD = "canary-account-password/+=";

/** In how many shapes a log or a file could hold it. */
function shapes(canary) {
  const bytes = Buffer.from(canary);
  return [
    canary,
    encodeURIComponent(canary),
    canary.replaceAll("/", "\\/"),
    bytes.toString("base64").replace(/=+$/, "").slice(0, -1),
    bytes.toString("base64url").slice(0, -1),
    bytes.toString("hex"),
    [...bytes].join(", "),
  ];
}

/** Fails if a text or the bytes of a file hold any of the canaries, `{ name: canary }`. */
function clean(what, content, canaries) {
  const text = typeof content === "string" ? content : content.toString("latin1");
  for (const [name, canary] of Object.entries(canaries)) {
    assert.ok(canary?.length >= 16, `${name} is known`);
    for (const shape of shapes(canary)) {
      const at = text.indexOf(shape);
      assert.equal(at, -1, `${name} is in ${what}: …${text.slice(Math.max(0, at - 300), at + 100)}…`);
    }
  }
}

/** What `look` finds; nothing if SQLite has removed the file meanwhile. */
function present(look) {
  try {
    return look();
  } catch (error) {
    assert.equal(error.code, "ENOENT", error);
    return null;
  }
}

/** All that is below a folder: whether it is one, its mode, and what is in it. */
function* files(path) {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const at = join(path, entry.name);
    const stat = present(() => statSync(at));
    if (stat === null) {
      continue;
    }
    yield { at, isFolder: entry.isDirectory(), mode: stat.mode & 0o777 };
    if (entry.isDirectory()) {
      yield* files(at);
    }
  }
}

/** Nobody else can read what is below a folder, and no file but the session holds a secret. */
function kept(path, canaries) {
  const found = [...files(path)];
  for (const { at, isFolder, mode } of found) {
    assert.equal(mode & ~(isFolder ? 0o700 : 0o600), 0, `${at} has mode ${mode.toString(8)}`);
    if (!isFolder && !at.endsWith("/session.json")) {
      clean(at, present(() => readFileSync(at)) ?? "", canaries);
    }
  }
  return found.map(({ at }) => at);
}

/** Looks at all processes of the machine, again and again until it is ended: what they were started with, and, of those that a
 * process of ours has started, their environment. */
class Watchman {
  commands = new Set();
  environments = new Map();

  constructor() {
    this.timer = setInterval(() => this.look(), 10);
  }

  look() {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        this.commands.add(readFileSync(`/proc/${pid}/cmdline`, "latin1"));
        const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1];
        if (readlinkSync(`/proc/${parent}/exe`) === binary) {
          this.environments.set(pid, readFileSync(`/proc/${pid}/environ`, "latin1"));
        }
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  /** Waits until it has seen a process that was started with this word. */
  sees(word) {
    return until(`a process with ${word}`, () => [...this.commands].some((command) => command.split("\0").includes(word)));
  }

  end() {
    clearInterval(this.timer);
    return { commands: [...this.commands].join("\n"), environments: [...this.environments.values()].join("\n") };
  }
}

/** A browser that notes how it was started, and by whom, and ends when it may. By its name it is one of the terminal: who starts
 * it waits for its end, so that a watchman has time to see both. */
function witness(test) {
  const home = folder(test);
  const [path, notes, leave] = ["lynx", "notes", "leave"].map((name) => join(home, name));
  const script = `#!/bin/sh
{ echo "$@"; for pid in $$ $PPID; do tr '\\0' '\\n' <"/proc/$pid/environ"; tr '\\0' ' ' <"/proc/$pid/cmdline"; done; } >"${notes}.part" 2>&1
mv "${notes}.part" "${notes}"
while [ -d "${home}" ] && [ ! -e "${leave}" ]; do sleep 0.05; done
`;
  writeFileSync(path, script, { mode: 0o700 });
  const read = () => {
    try {
      return readFileSync(notes, "latin1");
    } catch {
      return null;
    }
  };
  return { path, noted: () => until("the browser to be started", read), dismiss: () => writeFileSync(leave, "") };
}

const environment = (more = {}) => {
  const env = { ...process.env, WIDGET_TURN_LOG: "trace", ...more };
  if (!more.WIDGET_TURN_ACCESS_TOKEN) {
    delete env.WIDGET_TURN_ACCESS_TOKEN;
  }
  return env;
};

/** Everything that was said is there, and says a lot. */
function logged(said, ...libraries) {
  for (const library of libraries) {
    assert.ok(said.includes(library), `${library} says nothing`);
  }
  assert.ok(!said.includes("panicked"), said.match(/.*panicked[^]{0,500}/)?.[0]);
}

/** What *Test relays*, the transcript and the page itself show. */
async function shown(tab) {
  await tab.at("relay-test").click();
  await until("the end of the test", async () => (await tab.at("relay-state").getAttribute("data-state")) === "done");
  assert.match(await tab.text("relay-state"), /^Grade: good/);
  const dialog = await tab.page.content();
  await tab.page.keyboard.press("Escape");
  const [download] = await Promise.all([tab.page.waitForEvent("download"), tab.at("inspector-export").click()]);
  const transcript = readFileSync(await download.path(), "utf8");
  assert.ok(transcript.includes("update_turn_servers"), transcript);
  const stores = await tab.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, history.state]));
  return { transcript, dialog, page: await tab.page.content(), stores };
}

const here = file();
let relay;
let synapse;
let pages;
let browser;
before(async () => {
  // Whatever is written is then as wide as whoever writes it lets it be.
  const mask = process.umask(0);
  here.after(() => process.umask(mask));
  relay = await coturn(here, { lines: ["allow-loopback-peers", `static-auth-secret=${SECRET}`] });
  synapse = await Synapse.start(here, { turn: { uris: [relay.udp], secret: SECRET, lifetime: 10 } });
  pages = await site(here, "widgets/room");
  browser = await browse();
  here.after(() => browser.close());
});

test("the finder of canaries finds them in every shape", () => {
  const canaries = { password: PASSWORD };
  clean("a log", "the password of alice", canaries);
  for (const shape of shapes(PASSWORD)) {
    assert.throws(() => clean("a log", `line\nline ${shape} line`, canaries), /password is in a log/);
  }
  assert.throws(() => clean("a file", Buffer.from(`\0${PASSWORD}\0`), canaries), /password is in a file/);
});

test("host tells nobody what it logs in with, what it is given, or what the widget gets", async (t) => {
  const user = await synapse.user("alice", PASSWORD);
  const room = await synapse.room([user]);
  const home = folder(t);
  const [data, grants] = [join(home, "data"), join(home, "grants", "grants.json")];
  const account = ["--homeserver", synapse.url, "--user", user.id, "--data", data, "--grants", grants];
  const target = ["--room", room, "--widget", widgetUrl(pages, "room"), "--listen", "127.0.0.1:0"];
  const watchman = new Watchman();
  t.after(() => watchman.end());
  const opened = witness(t);

  const byPassword = ["--password-file", secretFile(t, PASSWORD)];
  const options = { env: environment({ BROWSER: opened.path }) };
  const host = await Host.launch(t, ["host", ...account, ...target, ...byPassword], options);
  await watchman.sees("--password-file");
  await watchman.sees("open-page");
  opened.dismiss();
  const tab = await Tab.open(t, browser, host.url);
  await tab.at("permission-all").check();
  await tab.allow("permission-allow-always");
  await ready(tab, 2);
  assert.equal(await tab.call("relay"), "through the relay");
  await tab.call("sendEvent", "a word");
  const saw = await shown(tab);

  // What fails is told, and tells no more.
  await assert.rejects(tab.call("sendToDevice", "a word", "@nobody", "nothing"));
  await synapse.pause();
  await until("a fetch that fails", () => host.of("fetch").some(({ status }) => status !== 200));
  await until("the loss to be told", () => host.of("sync").at(-1)?.state === "offline");
  await synapse.resume();
  const held = (await tab.seen()).updates.at(-1).username;
  await until("fresh credentials", async () => (await tab.seen()).updates.at(-1).username !== held);
  const { updates } = await tab.seen();
  const [location, referrer] = await tab.frame().evaluate(() => [window.location.href, document.referrer]);

  const session = [...files(data)].find(({ at }) => at.endsWith("/session.json"));
  const { access_token: token, store_key: key } = JSON.parse(readFileSync(session.at, "utf8"));
  const canaries = { password: PASSWORD, secret: SECRET, token, "the store's key": key };
  for (const [number, { credential, username }] of updates.entries()) {
    assert.equal(credential, minted(username, SECRET), "what the widget has is what Synapse has made");
    canaries[`TURN password ${number}`] = credential;
  }
  const pageToken = new URL(host.url).pathname.replaceAll("/", "");
  const everything = { ...canaries, "the page's token": pageToken };
  const names = kept(home, everything);
  assert.ok(names.includes(grants) && names.some((name) => name.endsWith(".sqlite3")), names.join());
  assert.deepEqual([session.mode, statSync(join(session.at, "..")).mode & 0o777], [0o600, 0o700]);
  assert.equal(await host.stop(), 0);

  logged(host.running.output(), "TRACE", "hyper_util::", "matrix_sdk::", "matrix_sdk_base::", "widget_turn");
  clean("what host says", host.running.output(), canaries);
  clean("the log of host", host.running.errors(), everything);
  for (const [what, text] of Object.entries(saw)) {
    clean(`the ${what}`, text, everything);
  }
  clean("the widget's address", `${location} ${referrer}`, everything);
  kept(home, everything);

  // The kept session, and then a token by the environment.
  const again = await Host.launch(t, ["host", ...account, ...target], options);
  assert.equal(await again.stop(), 0);
  const env = environment({ BROWSER: opened.path, WIDGET_TURN_ACCESS_TOKEN: user.token });
  const other = ["--homeserver", synapse.url, "--data", join(home, "other"), "--grants", grants];
  const given = await Host.launch(t, ["host", ...other, ...target], { env });
  const givenTab = await Tab.open(t, browser, given.url);
  await ready(givenTab);
  for (const { credential, username } of (await givenTab.seen()).updates) {
    everything[`TURN password of ${username}`] = credential;
  }
  everything["the given token"] = user.token;
  assert.equal(await given.stop(), 0);
  for (const { running, url } of [again, given]) {
    const { "the page's token": _, ...rest } = everything;
    clean("what host says", running.output(), rest);
    clean("the log of host", running.errors(), { ...rest, "its page's token": new URL(url).pathname.replaceAll("/", "") });
  }
  kept(home, everything);

  const refused = ["--password-file", secretFile(t, `${PASSWORD}wrong`), "--data", join(home, "third")];
  const wrong = ["host", "--homeserver", synapse.url, "--user", user.id, "--grants", grants, "--no-open", ...target, ...refused];
  const wrongHost = program(t, binary, wrong, { env: environment() });
  assert.equal((await wrongHost.ended)[0], 1);
  assert.match(wrongHost.output(), /refuses this password/);
  clean("the error of a wrong password", wrongHost.output(), everything);
  const logout = program(t, binary, ["logout", "--user", user.id, "--data", data], { env: environment() });
  assert.equal((await logout.ended)[0], 0);
  clean("what logout says", logout.output(), everything);

  const { commands, environments } = watchman.end();
  assert.ok(environments.includes("WIDGET_TURN_LOG=trace"), "and what host has started");
  clean("the list of processes", commands, everything);
  clean("the environment of a child", environments, everything);
  const noted = await opened.noted();
  assert.match(noted, /^http:\/\/127\.0\.0\.1:\d+\/open\//);
  clean("what a browser was started with", noted, everything);
});

test("check and demo tell nobody the secret, or what they make of it", async (t) => {
  const user = await synapse.user("bob", `${PASSWORD} of bob`);
  const home = folder(t);
  const secret = secretFile(t, SECRET);
  const canaries = { password: `${PASSWORD} of bob`, token: user.token, secret: SECRET };
  const watchman = new Watchman();
  t.after(() => watchman.end());
  const asUser = ["--user", user.id, "--data", join(home, "data"), "--password-file", secretFile(t, canaries.password)];
  const at = ["--homeserver", synapse.url];
  for (const args of [
    [relay.udp, "--secret-file", secret],
    [relay.udp, "--secret-file", secret, "--json"],
    [...at, "--token-file", secretFile(t, user.token), "--json"],
    [...at, ...asUser, "--json"],
    [...at, ...asUser, "--redact", "--prometheus-textfile", join(folder(t), "turn.prom")],
    ["turn:127.0.0.1:9?transport=tcp", "--secret-file", secret],
  ]) {
    const check = program(t, binary, ["check", ...args], { env: environment() });
    const [code] = await check.ended;
    assert.equal(code, args[0].includes(":9?") ? 2 : 0, check.output());
    const said = check.output();
    // Without a homeserver there is not much to log, and a report for an issue has no log.
    const logs = args.includes("--homeserver") && !args.includes("--redact");
    logged(said, ...(logs ? ["TRACE", "hyper_util::"] : []));
    // Each user name that is said has a password that is not.
    for (const [, username] of said.matchAll(/\b(\d{10}(?::@?[\w.:-]+)?)/g)) {
      canaries[`TURN password of ${username}`] = minted(username, SECRET);
    }
    clean(`what check ${args.join(" ")} says`, said, canaries);
  }
  assert.ok(Object.keys(canaries).length > 3, "user names are said");

  const grants = join(home, "grants", "grants.json");
  const opened = witness(t);
  const args = ["demo", "--listen", "127.0.0.1:0", "--ttl", "5s", "--grants", grants];
  const options = { env: environment({ BROWSER: opened.path }) };
  const demo = await Demo.launch(t, [...args, "--turn-uri", relay.udp, "--turn-secret-file", secret], options);
  await watchman.sees("open-page");
  opened.dismiss();
  const tab = await Tab.open(t, browser, demo.url);
  await tab.allow("permission-allow-always");
  await tab.connected();
  const first = await tab.username();
  const second = await tab.username(first);
  for (const username of [first, second]) {
    assert.ok(expiry(username) > 0);
    canaries[`TURN password of ${username}`] = minted(username, SECRET);
  }
  const everything = { ...canaries, "the page's token": new URL(demo.url).pathname.replaceAll("/", "") };
  for (const [what, text] of Object.entries(await shown(tab))) {
    clean(`the ${what}`, text, everything);
  }
  assert.equal(await demo.stop(), 0);
  logged(demo.running.output(), "TRACE", "hyper_util::");
  clean("what demo says", demo.running.output(), canaries);
  clean("the log of demo", demo.running.errors(), everything);
  assert.ok(kept(home, everything).includes(grants));
  const { commands, environments } = watchman.end();
  clean("the list of processes", commands, everything);
  clean("the environment of a child", environments, everything);
  clean("what a browser was started with", await opened.noted(), everything);
});
