// coturn as the tests run it: on loopback, with a shared secret, over UDP, TCP and TLS.

import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { folder, freePorts, program, until } from "./rig.mjs";

/** What coturn and whoever mints credentials for it share. */
export const SECRET = "the secret of the end-to-end tests";

/** A file with a secret, for its owner alone. */
export function secretFile(test, secret = SECRET) {
  const path = join(folder(test), "secret");
  writeFileSync(path, secret, { mode: 0o600 });
  return path;
}

/** The password of a username, by the shared secret. */
export function password(username, secret = SECRET) {
  return createHmac("sha1", secret).update(username).digest("base64");
}

/** An authority, and a certificate: of it or of nobody, for these names and as many days from now. */
function certify(home, { names = "DNS:localhost,IP:127.0.0.1,IP:::1", days = 90, selfSigned = false }) {
  const openssl = (...args) => execFileSync("openssl", args, { cwd: home, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  writeFileSync(join(home, "names"), `subjectAltName=${names}\n`);
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Authority", "-days", "100");
  openssl("req", ...key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost");
  const by = selfSigned ? ["-signkey", "key.pem"] : ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
  const what = ["-extfile", "names", "-days", String(days), "-out", "cert.pem"];
  openssl("x509", "-req", "-in", "request.pem", ...by, ...what);
}

/** Whether something listens on the port. */
function listens(port, ip) {
  return new Promise((resolve) => {
    const socket = connect(port, ip);
    socket.once("connect", () => resolve(true) || socket.destroy());
    socket.once("error", () => resolve(false));
  });
}

/** Starts a coturn that ends with the test. `roots` is the file of the authority that signed its certificate; `users` are
 * lines of static users, in place of the shared secret. */
export async function coturn(test, { ip = "127.0.0.1", lines = ["allow-loopback-peers"], certificate = {}, users } = {}) {
  const home = folder(test);
  const port = await freePorts();
  certify(home, certificate);
  const secret = ["use-auth-secret", `static-auth-secret=${SECRET}`];
  const config = [
    `listening-ip=${ip}`,
    `relay-ip=${ip}`,
    `listening-port=${port}`,
    `tls-listening-port=${port + 1}`,
    "realm=localhost",
    "fingerprint",
    ...(users ? ["lt-cred-mech", ...users] : secret),
    `cert=${join(home, "cert.pem")}`,
    `pkey=${join(home, "key.pem")}`,
    "no-cli",
    "no-dtls",
    "verbose",
    "log-file=stdout",
    "simple-log",
    `pidfile=${join(home, "pid")}`,
    `userdb=${join(home, "turndb")}`,
    ...lines,
  ];
  writeFileSync(join(home, "turnserver.conf"), config.join("\n"), { mode: 0o600 });
  const start = async () => {
    const server = program(test, "turnserver", ["-c", join(home, "turnserver.conf")]);
    await until("coturn to listen", async () => (await listens(port, ip)) && (await listens(port + 1, ip)));
    return server;
  };
  const server = await start();
  const host = ip.includes(":") ? `[${ip}]` : ip;
  return {
    server,
    /** Kills it, and starts it again on the same ports. */
    async crash() {
      this.server.child.kill("SIGKILL");
      await this.server.ended;
      this.server = await start();
    },
    roots: join(home, "ca.pem"),
    udp: `turn:${host}:${port}?transport=udp`,
    tcp: `turn:${host}:${port}?transport=tcp`,
    tls: `turns:${host}:${port + 1}?transport=tcp`,
  };
}
