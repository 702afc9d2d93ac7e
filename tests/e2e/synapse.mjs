// Synapse as the tests run it: on loopback, with a database of its own and no federation.

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { folder, program, root, until } from "./rig.mjs";

const python = process.env.SYNAPSE_PYTHON ?? join(root, "target", "synapse-venv", "bin", "python");
const SERVER_NAME = "test.localhost";
const OFTEN = { per_second: 10_000, burst_count: 10_000 };

/** The types that a full-mesh group call is made of. */
const CALL = ["org.matrix.msc3401.call", "org.matrix.msc3401.call.member"];

/** A port below those that the system gives to outgoing connections, so that it stays free while Synapse is stopped. */
async function restPort() {
  return until("a free port", () => {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    return new Promise((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(null));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(port)));
    });
  });
}

function configuration(home, port, { guests }) {
  return {
    server_name: SERVER_NAME,
    public_baseurl: `http://127.0.0.1:${port}/`,
    report_stats: false,
    listeners: [
      {
        port,
        bind_addresses: ["127.0.0.1"],
        type: "http",
        tls: false,
        resources: [{ names: ["client"], compress: false }],
      },
    ],
    federation_domain_whitelist: [],
    trusted_key_servers: [],
    suppress_key_server_warning: true,
    database: { name: "sqlite3", args: { database: join(home, "homeserver.db") } },
    log_config: join(home, "log.yaml"),
    media_store_path: join(home, "media"),
    signing_key_path: join(home, "signing.key"),
    macaroon_secret_key: "of the end-to-end tests",
    form_secret: "of the end-to-end tests",
    enable_registration: true,
    enable_registration_without_verification: true,
    allow_guest_access: guests,
    bcrypt_rounds: 4,
    presence: { enabled: false },
    rc_message: OFTEN,
    rc_registration: OFTEN,
    rc_login: { address: OFTEN, account: OFTEN, failed_attempts: OFTEN },
    rc_joins: { local: OFTEN, remote: OFTEN },
    rc_invites: { per_room: OFTEN, per_user: OFTEN, per_issuer: OFTEN },
    rc_room_creation: OFTEN,
  };
}

/** What Synapse hands out: `lifetime` in seconds, nothing at all without URIs. */
function turnConfiguration({ uris = [], secret = "", lifetime = 3600, guests = true }) {
  return {
    turn_uris: uris,
    turn_shared_secret: secret,
    turn_user_lifetime: `${lifetime}s`,
    turn_allow_guests: guests,
  };
}

const LOGGING = {
  version: 1,
  formatters: { plain: { format: "%(name)s %(levelname)s %(message)s" } },
  handlers: { console: { class: "logging.StreamHandler", formatter: "plain" } },
  loggers: { "synapse.access": { level: "INFO" } },
  root: { level: "WARNING", handlers: ["console"] },
  disable_existing_loggers: false,
};

/** A homeserver. */
export class Synapse {
  #test;
  #home;
  #running;
  #log = "";
  #names = new Map();

  /** Starts a homeserver that ends with the test.
   * `turn` is `{ uris, secret, lifetime, guests }`, each of which may be left out. */
  static async start(test, { turn = {}, guests = false } = {}) {
    const synapse = new Synapse();
    synapse.#test = test;
    synapse.#home = folder(test);
    const port = await restPort();
    const home = synapse.#home;
    mkdirSync(join(home, "media"));
    // JSON is YAML too.
    writeFileSync(join(home, "base.yaml"), JSON.stringify(configuration(home, port, { guests })));
    writeFileSync(join(home, "log.yaml"), JSON.stringify(LOGGING));
    writeFileSync(join(home, "signing.key"), `ed25519 a_test ${randomBytes(32).toString("base64").replaceAll("=", "")}\n`);
    synapse.url = `http://127.0.0.1:${port}`;
    await synapse.resume(turn);
    return synapse;
  }

  /** Starts it again on the same port and database, with other TURN servers where some are given. */
  async resume(turn) {
    if (turn) {
      writeFileSync(join(this.#home, "turn.yaml"), JSON.stringify(turnConfiguration(turn)), { mode: 0o600 });
    }
    const args = ["-m", "synapse.app.homeserver", "-c", join(this.#home, "base.yaml"), "-c", join(this.#home, "turn.yaml")];
    this.#running = program(this.#test, python, args, { cwd: this.#home });
    await until("Synapse to answer", async () => {
      if (this.#running.child.exitCode !== null) {
        throw new Error(`Synapse ended: ${this.#running.output()}`);
      }
      const answer = await fetch(`${this.url}/_matrix/client/versions`).catch(() => null);
      return answer?.ok;
    });
  }

  /** Ends it, by `SIGKILL` as a crash would; the database stays. */
  async pause(signal = "SIGTERM") {
    this.#running.child.kill(signal);
    await this.#running.ended;
    this.#log += this.#running.output();
  }

  /** While it is away: the connections of sliding sync are gone, as after a restore or a long time. */
  forgetSyncs() {
    const forget = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as database:
    database.execute("PRAGMA foreign_keys = ON")
    assert database.execute("DELETE FROM sliding_sync_connections").rowcount > 0
`;
    execFileSync(python, ["-c", forget, join(this.#home, "homeserver.db")]);
  }

  /** How often credentials were asked for, by all or by one user. */
  turnRequests(user) {
    const running = this.#running.child.exitCode === null && this.#running.child.signalCode === null;
    const lines = (this.#log + (running ? this.#running.output() : "")).split("\n");
    const asked = lines.filter((line) => /"GET \/_matrix\/client\/(v3|r0)\/voip\/turnServer[ ?]/.test(line));
    return asked.filter((line) => !user || line.includes(`{${user.id}}`)).length;
  }

  /** One request of the client-server API, as a user or as nobody. */
  async request(method, path, body, user) {
    const answer = await fetch(`${this.url}/_matrix/client/v3/${path}`, {
      method,
      headers: user ? { authorization: `Bearer ${user.token}` } : {},
      body: body && JSON.stringify(body),
    });
    const said = await answer.json();
    if (!answer.ok) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(said)}`);
    }
    return said;
  }

  /** A new user of this name, with a number if it is not the first one; logged in on one device. */
  async user(name, password = `the password of ${name}`) {
    const namesakes = this.#names.get(name) ?? 0;
    this.#names.set(name, namesakes + 1);
    const account = { username: `${name}${namesakes || ""}`, password };
    const body = { ...account, auth: { type: "m.login.dummy" }, initial_device_display_name: "test" };
    const said = await this.request("POST", "register", body);
    return { id: said.user_id, device: said.device_id, token: said.access_token, password: account.password };
  }

  /** A guest: it has a token, and no password. */
  async guest() {
    const said = await this.request("POST", "register?kind=guest", {});
    return { id: said.user_id, device: said.device_id, token: said.access_token };
  }

  /** A room in which all these users are, and any may start a call. */
  async room([owner, ...others], { encrypted = false, state = [], name = "Test room" } = {}) {
    const initial_state = [...state];
    if (encrypted) {
      initial_state.push({ type: "m.room.encryption", content: { algorithm: "m.megolm.v1.aes-sha2" } });
    }
    const body = {
      preset: "public_chat",
      name,
      initial_state: [...initial_state, { type: "m.room.guest_access", content: { guest_access: "can_join" } }],
      power_level_content_override: { state_default: 0, events: Object.fromEntries(CALL.map((type) => [type, 0])) },
    };
    const { room_id: id } = await this.request("POST", "createRoom", body, owner);
    await Promise.all(others.map((user) => this.request("POST", `join/${encodeURIComponent(id)}`, {}, user)));
    return id;
  }
}
