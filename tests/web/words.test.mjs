import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grouped, isTurn } from '../../crates/widget-turn-cli/src/page/web/capability.js';
import { clock, counted, latency, life, span } from '../../crates/widget-turn-cli/src/page/web/format.js';
import { readQuery } from '../../crates/widget-turn-cli/src/demo/widget/widget_api.js';

test('what is left of a lifetime is in seconds where it is short', () => {
  assert.equal(life(12.9, 60), '12 s of 60 s left');
  assert.equal(life(0, 120), '0 s of 120 s left');
  assert.equal(life(86_399, 86_400), '23 h 59 min of 1 d left');
});

test('spans of time have two units at most', () => {
  assert.deepEqual(
    [-1, 0, 179, 180, 200, 3600, 3660, 90_000, 172_800].map(span),
    ['0 s', '0 s', '179 s', '3 min', '3 min 20 s', '1 h', '1 h 1 min', '1 d 1 h', '2 d'],
  );
});

test('latencies are in milliseconds until they are long', () => {
  assert.deepEqual([0.4, 3, 999, 1500, 99_900, 240_000].map(latency), ['0 ms', '3 ms', '999 ms', '1.5 s', '99.9 s', '4 min']);
});

test('the time of day goes to the millisecond', () => {
  assert.equal(clock(new Date(2026, 0, 2, 3, 4, 5, 6).getTime()), '03:04:05.006');
});

test('numbers agree with their words', () => {
  assert.deepEqual([0, 1, 2, 1234].map((count) => counted(count, 'server')), ['0 servers', '1 server', '2 servers', '1,234 servers']);
});

test('the TURN capability is known by both its names', () => {
  assert.ok(isTurn('town.robin.msc3846.turn_servers') && isTurn('m.turn_servers'));
  assert.ok(!isTurn('turn_servers') && !isTurn(undefined));
});

test('what is asked for is shown in groups, in the order in which it was asked for', () => {
  /** @param {any} group @param {string} name */
  const capability = (group, name) => ({ name, shown: name, group, words: null });
  const groups = grouped([capability('send', 'a'), capability('read', 'b'), capability('send', 'c')]);
  assert.deepEqual(
    groups.map(({ name, capabilities }) => [name, capabilities.map(({ shown }) => shown)]),
    [['read', ['b']], ['send', ['a', 'c']]],
  );
});

test('the widget takes its id and its host from the query', () => {
  assert.deepEqual(readQuery('?widgetId=demo&parentUrl=http%3A%2F%2F127.0.0.1%3A8090%2Fpath'), {
    widgetId: 'demo',
    hostOrigin: 'http://127.0.0.1:8090',
  });
  for (const query of ['', '?widgetId=demo', '?parentUrl=http://a', '?widgetId=demo&parentUrl=nothing', '?widgetId=demo&parentUrl=data:,']) {
    assert.equal(readQuery(query), null, query);
  }
});
