// The widget's iframe, and what comes from it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBridge } from '../../crates/widget-turn-cli/src/page/web/bridge.js';
import { Meter } from '../../crates/widget-turn-cli/src/page/web/meter.js';

test('a meter lets a burst through, and then so many a second', () => {
  let now = 0;
  const meter = new Meter(3, 10, () => now);
  const taken = () => [1, 2, 3, 4, 5].map(() => meter.take());
  assert.deepEqual(taken(), [true, true, true, false, false]);
  now += 200;
  assert.deepEqual(taken(), [true, true, false, false, false]);
  now += 3_600_000;
  assert.deepEqual(taken(), [true, true, true, false, false]);
});

/** A page with a widget in it, that says what the test has it say. */
function page() {
  /** @type {any} */
  const browser = globalThis;
  const frame = { dataset: {}, sandbox: { add() {} }, addEventListener() {}, contentWindow: {}, allow: '' };
  /** @type {(event: any) => void} */
  let hear = () => {};
  browser.window = {
    location: { origin: 'http://127.0.0.1' },
    /** @param {string} _name @param {(event: any) => void} listener */
    addEventListener: (_name, listener) => {
      hear = listener;
    },
  };
  browser.document = { createElement: () => frame };
  // A real one keeps the process alive.
  browser.MessageChannel = class {
    port1 = {};
    port2 = {};
  };
  const passed = /** @type {string[]} */ ([]);
  const floods = /** @type {number[]} */ ([]);
  /** @type {any} */
  const place = { replaceChildren() {} };
  const bridge = createBridge(place, {
    onMessage: (text) => passed.push(text),
    onFlood: (count) => floods.push(count),
    onLoad() {},
  });
  bridge.load('https://widget.example/', 'w', 'Widget');
  const origin = 'https://widget.example';
  return { passed, floods, frame, bridge, say: (/** @type {object} */ event) => hear(Object.assign(event, { source: frame.contentWindow, origin })) };
}

test('of a flood a part is passed on, and the rest is counted and not even read', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { passed, floods, say, bridge } = page();
  let read = 0;
  const message = {
    get data() {
      read += 1;
      return { n: 1 };
    },
  };
  for (let n = 0; n < 100_000; n++) {
    say(Object.create(message));
  }
  assert.equal(read, passed.length);
  // As fast as this machine is, the meter fills up meanwhile.
  assert.ok(passed.length >= 2000 && passed.length < 20_000, `${passed.length}`);
  t.mock.timers.tick(500);
  assert.deepEqual(floods, [100_000 - passed.length]);

  // The widget that is loaded next starts anew.
  bridge.load('https://widget.example/', 'w', 'Widget');
  const before = passed.length;
  say({ data: { n: 2 } });
  assert.deepEqual(passed.slice(before), ['{"n":2}']);
});

test('calls have what they need of the browser', () => {
  const { frame } = page();
  for (const feature of ['camera', 'microphone', 'display-capture', 'autoplay', 'clipboard-write']) {
    assert.ok(frame.allow.split('; ').includes(feature), feature);
  }
});
