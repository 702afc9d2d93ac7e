// Each test that SECURITY.md names is there.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const LEFT_OUT = new Set(['node_modules', 'target', 'artifacts', 'pkg']);

/** @param {string} folder @returns {Generator<string>} the sources below it */
function* sources(folder) {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const at = join(folder, entry.name);
    if (entry.isDirectory() && !LEFT_OUT.has(entry.name)) {
      yield* sources(at);
    } else if (/\.(rs|mjs)$/.test(entry.name)) {
      yield readFileSync(join(root, at), 'utf8');
    }
  }
}

test('each test that SECURITY.md names is there', () => {
  const code = ['crates', 'tests', 'fuzz'].flatMap((folder) => [...sources(folder)]).join('\n');
  const text = readFileSync(join(root, 'SECURITY.md'), 'utf8');
  // By its name, `a_sentence_of_rust`, or «a sentence of JavaScript's», which may be broken over lines.
  const rust = [...text.matchAll(/`([a-z0-9]+(?:_[a-z0-9]+){2,})`/g)].map(([, name]) => name);
  const script = [...text.matchAll(/«([^»]+)»/g)].map(([, name]) => name.replaceAll(/\s+/g, ' '));
  assert.ok(rust.length > 30 && script.length > 5, `${rust.length} and ${script.length} are named`);
  for (const name of rust) {
    const defined = new RegExp(`#\\[(?:tokio::)?test[^\\n]*\\]\\s*(?:#\\[[^\\n]*\\]\\s*)*(?:async )?fn ${name}\\(`);
    assert.ok(defined.test(code), name);
  }
  for (const name of script) {
    const quoted = name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
    assert.ok(new RegExp(`\\btest\\(\\s*["'\`]${quoted}["'\`]`).test(code), name);
  }
});
