#!/usr/bin/env node
// `widget-turn check` on a coturn that is well, with three URIs: UDP, TCP and TLS. Prints medians, asserts nothing.
// `./test` first: it installs what this needs and builds the command.

import { checkJson } from "../tests/e2e/check.mjs";
import { coturn, secretFile } from "../tests/e2e/coturn.mjs";

const ROUNDS = Number(process.argv[2] ?? 10);
const figure = (name, list) => {
  const sorted = [...list].sort((a, b) => a - b);
  const [least, middle, most] = [0, Math.floor(sorted.length / 2), sorted.length - 1].map((at) => sorted[at].toFixed(0));
  console.log(`${name.padEnd(44)} ${middle} ms (${least}-${most})`);
};

const ends = [];
const test = { after: (end) => ends.push(end) };
try {
  const { udp, tcp, tls, roots } = await coturn(test);
  const args = [udp, tcp, tls, "--secret-file", secretFile(test)];
  for (const [name, more] of [
    ["one URI after the other", []],
    ["--parallel", ["--parallel"]],
  ]) {
    const [whole, inside] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const begun = performance.now();
      const report = await checkJson(test, [...args, ...more], { SSL_CERT_FILE: roots });
      whole.push(performance.now() - begun);
      inside.push(report.ms);
    }
    figure(`check of three URIs, ${name}`, inside);
    figure("  with the start and end of the process", whole);
  }
} finally {
  for (const end of ends.reverse()) {
    await end();
  }
}
