// A TURN server on pion as the tests run it: built from Debian's sources, on loopback, over UDP and TCP.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { SECRET } from "./coturn.mjs";
import { folder, program, root, until } from "./rig.mjs";

/** Starts one that ends with the test. */
export async function pion(test) {
  const server = join(folder(test), "pion");
  // Debian's Go packages are made to be built this way.
  const env = { ...process.env, GO111MODULE: "off", GOPATH: "/usr/share/gocode", TURN_SECRET: SECRET };
  execFileSync("go", ["build", "-o", server, "./tests/e2e/pion"], { cwd: root, env, stdio: "pipe" });
  const running = program(test, server, [], { env, stdio: ["pipe", "pipe", "pipe"] });
  const port = await until("pion to listen", () => running.output().match(/^(\d+)\n/)?.[1]);
  return { udp: `turn:127.0.0.1:${port}?transport=udp`, tcp: `turn:127.0.0.1:${port}?transport=tcp` };
}
