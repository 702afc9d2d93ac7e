import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { matches } from "../../conformance/node/pattern.mjs";

const cases = JSON.parse(readFileSync(new URL("../../conformance/patterns.json", import.meta.url), "utf8"));

test("patterns match what conformance/patterns.json says", () => {
  for (const { pattern, value, matches: expected } of cases) {
    assert.equal(matches(pattern, value), expected, JSON.stringify({ pattern, value }));
  }
});
