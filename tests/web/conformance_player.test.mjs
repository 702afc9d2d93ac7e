import assert from "node:assert/strict";
import { test } from "node:test";

import { play } from "../../conformance/node/player.mjs";

/** A host that says these texts, and then nothing. */
function host(...texts) {
  return { now: () => 0, next: async () => texts.shift() };
}

test("a host that says what is no object fails the script, and the run goes on", async () => {
  const expects = { steps: [{ host: { request: "capabilities", as: "q" } }] };
  for (const text of ["no JSON", "null", "7", '"text"']) {
    assert.deepEqual(await play(expects, host(text)), { step: 1, why: `expected an object, came ${text}` });
    assert.deepEqual(await play({ steps: [{ silence: 1 }] }, host(text)), { step: 1, why: `expected an object, came ${text}` });
  }
  assert.equal(await play({ steps: [{ silence: 1 }] }, host()), undefined);
});
