import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageLog, matches } from '../../crates/widget-turn-cli/src/page/web/message_log.js';

const watch = { api: 'fromWidget', widgetId: 'demo', requestId: '1', action: 'watch_turn_servers', data: {} };
const update = {
  api: 'toWidget',
  widgetId: 'demo',
  requestId: '1',
  action: 'update_turn_servers',
  data: { uris: ['turn:127.0.0.1'], username: 'alice', password: 'hidden' },
};

/** @param {any} row @param {any} kind @param {string} [text] @param {any} [side] */
function shows(row, kind, text = '', side = 'both') {
  return matches(row, { kind, side, text });
}

test('a request and its answer are one row', () => {
  const log = new MessageLog();
  const row = log.add('widget', watch, 1000);
  assert.equal(row.reply, null);
  assert.equal(log.add('host', { ...watch, response: {} }, 1007), row);
  assert.equal(row.reply?.took, 7);
  assert.equal(row.reply?.error, null);
  assert.equal(log.entries.size, 1);
});

test('the same id in both directions is two requests', () => {
  const log = new MessageLog();
  const asked = log.add('widget', watch, 0);
  const told = log.add('host', update, 1);
  log.add('widget', { ...update, response: {} }, 2);
  assert.equal(asked.reply, null);
  assert.equal(told.reply?.took, 1);
});

test('nobody answers their own request', () => {
  const log = new MessageLog();
  const asked = log.add('widget', watch, 0);
  const claimed = log.add('widget', { ...watch, response: {} }, 1);
  assert.equal(asked.reply, null);
  assert.equal(claimed.isReply, true);
});

test('an error answer carries its message, without secrets', () => {
  const log = new MessageLog();
  const row = log.add('widget', watch, 0);
  log.add('host', { ...watch, response: { error: { message: 'no, access_token=hidden is bad' } } }, 1);
  assert.match(row.reply?.error ?? '', /^no, access_token=/);
  assert.ok(!row.reply?.error?.includes('hidden'));
});

test('an error without a message is an error as well', () => {
  for (const error of ['no', {}, { message: 7 }, [1]]) {
    const log = new MessageLog();
    log.add('widget', watch, 0);
    assert.equal(typeof log.add('host', { ...watch, response: { error } }, 1).reply?.error, 'string');
  }
});

test('a second answer, or one to nothing, is a row of its own', () => {
  const log = new MessageLog();
  log.add('widget', watch, 0);
  log.add('host', { ...watch, response: {} }, 1);
  const again = log.add('host', { ...watch, response: {} }, 2);
  assert.equal(again.isReply, true);
  assert.equal(log.entries.size, 2);
});

test('an error that answers nothing is found among the errors', () => {
  const row = new MessageLog().add('host', { ...watch, response: { error: { message: 'no' } } }, 0);
  assert.equal(row.error, 'no');
  assert.ok(shows(row, 'errors'));
});

test('requests are paired by the id that the MSC prints, too', () => {
  const log = new MessageLog();
  const { requestId, ...rest } = watch;
  const row = log.add('widget', { ...rest, requestid: requestId }, 0);
  assert.equal(log.add('host', { ...rest, requestid: requestId, response: {} }, 1), row);
});

test('messages without id, action or sense are rows all the same', () => {
  const log = new MessageLog();
  for (const message of [{}, { action: 7 }, { response: null }, { requestId: {}, response: {} }, { data: 'text' }]) {
    log.add('widget', message, 0);
  }
  assert.equal(log.entries.size, 5);
});

test('nothing that is kept holds a password', () => {
  const log = new MessageLog();
  log.add('host', update, 0);
  log.add('widget', { ...update, response: {} }, 1);
  assert.ok(!JSON.stringify([...log.entries.values()]).includes('hidden'));
  assert.ok(!log.lines().includes('hidden'));
});

test('what is masked is not seen at a glance', () => {
  const row = new MessageLog().add('host', update, 0);
  assert.equal(row.data, '{"uris":["turn:127.0.0.1"],"username":"alice"}');
});

test('the oldest rows go first, and their answers find nothing', () => {
  const log = new MessageLog(10);
  for (let id = 0; id < 25; id++) {
    log.add('widget', { ...watch, requestId: `${id}` }, id);
  }
  assert.deepEqual([...log.entries.keys()], [16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
  assert.equal(log.waiting.size, 10);
  assert.equal(log.add('host', { ...watch, requestId: '0', response: {} }, 30).isReply, true);
});

test('a row that goes does not take a newer request of its id along', () => {
  const log = new MessageLog(2);
  log.add('widget', watch, 0);
  const newer = log.add('widget', watch, 1);
  log.add('widget', { ...watch, requestId: '2' }, 2);
  assert.equal(log.add('host', { ...watch, response: {} }, 3), newer);
});

test('the export is one message a line, in the order in which they were said', () => {
  const log = new MessageLog();
  log.add('widget', watch, 1000);
  log.add('host', update, 1001);
  log.add('host', { ...watch, response: {} }, 1002);
  const lines = log.lines().trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ time, from }) => [time, from]), [
    ['1970-01-01T00:00:01.000Z', 'widget'],
    ['1970-01-01T00:00:01.001Z', 'host'],
    ['1970-01-01T00:00:01.002Z', 'host'],
  ]);
  assert.deepEqual(lines[2], { ...lines[2], took_ms: 2, message: { ...watch, response: {} } });
});

test('after clearing, nothing is left', () => {
  const log = new MessageLog();
  log.add('widget', watch, 0);
  log.clear();
  assert.equal(log.lines(), '');
  assert.equal(log.add('host', { ...watch, response: {} }, 1).isReply, true);
});

test('rows are found by kind and by text', () => {
  const log = new MessageLog();
  const asked = log.add('widget', watch, 0);
  const other = log.add('widget', { ...watch, requestId: '2', action: 'send_event', data: { body: 'Hello' } }, 0);
  const failed = log.add('widget', { ...watch, requestId: '3', action: 'other' }, 0);
  log.add('host', { ...watch, requestId: '3', action: 'other', response: { error: { message: 'Unknown' } } }, 0);
  assert.deepEqual([asked, other, failed].map((row) => shows(row, 'turn')), [true, false, false]);
  assert.deepEqual([asked, other, failed].map((row) => shows(row, 'errors')), [false, false, true]);
  assert.deepEqual([asked, other, failed].map((row) => shows(row, 'all', 'hello')), [false, true, false]);
  assert.deepEqual([asked, other, failed].map((row) => shows(row, 'all', 'unknown')), [false, false, true]);
});

test('rows are found by what they are about and by who asked', () => {
  const log = new MessageLog();
  /** @param {'widget' | 'host'} from @param {string} action @param {object} [data] */
  const add = (from, action, data = {}) => log.add(from, { api: from, requestId: `${log.next}`, action, data }, 0);
  const rows = [
    add('widget', 'send_event', { type: 'm.room.message' }),
    add('host', 'update_state'),
    add('host', 'send_to_device'),
    add('widget', 'content_loaded'),
    add('host', 'notify_capabilities', { approved: ['m.turn_servers'] }),
    add('host', 'update_turn_servers'),
    add('widget', 'org.example.other'),
  ];
  /** @param {any} kind @param {any} [side] */
  const found = (kind, side) => rows.filter((row) => shows(row, kind, '', side)).map((row) => row.action);
  assert.deepEqual(found('events'), ['send_event', 'update_state']);
  assert.deepEqual(found('events', 'host'), ['update_state']);
  assert.deepEqual(found('devices'), ['send_to_device']);
  assert.deepEqual(found('handshake'), ['content_loaded', 'notify_capabilities']);
  assert.deepEqual(found('turn'), ['notify_capabilities', 'update_turn_servers']);
  assert.equal(found('all').length, 7);
  assert.equal(found('all', 'widget').length, 3);
});

test('an action that the host lacks is told from one that failed', () => {
  /** @param {string} action @param {string} message */
  const answered = (action, message) => {
    const log = new MessageLog();
    log.add('widget', { ...watch, action }, 0);
    return log.add('host', { ...watch, action, response: { error: { message } } }, 0).reply;
  };
  for (const message of [
    'unknown variant `navigate`, expected one of `supported_api_versions`, `send_event`',
    'Unknown or unsupported from-widget action: navigate',
    'Unknown or unsupported action',
  ]) {
    assert.equal(answered('navigate', message)?.isUnknown, true, message);
  }
  for (const message of ['unknown variant `pause`, expected one of `cancel`, `restart`, `send`', 'missing field `type`', 'M_FORBIDDEN']) {
    assert.equal(answered('navigate', message)?.isUnknown, false, message);
  }
});

test('a flood is counted in one row, and what was asked before it keeps its answer', () => {
  let now = 0;
  const log = new MessageLog(2000, () => now);
  const asked = log.take('widget', watch, 0);
  for (let id = 0; id < 100_000; id++) {
    log.take('widget', { ...watch, requestId: `flood ${id}` }, 1);
  }
  assert.equal(log.entries.size, 501);
  const gap = [...log.entries.values()].at(-1);
  assert.equal(gap?.skipped, 100_000 - 499);
  assert.equal(log.take('host', { ...watch, response: {} }, 2), asked);

  // The answers to what was not kept are not kept either, nor are they puzzles later on.
  now = 60_000;
  assert.equal(log.take('host', { ...watch, requestId: 'flood 99', response: {} }, 3).reply?.took, 2);
  assert.equal(log.take('host', { ...watch, requestId: 'flood 999', response: {} }, 3), gap);
  assert.equal(log.take('widget', { ...watch, requestId: 'later' }, 4).skipped, 0);
  const { skipped } = JSON.parse(log.lines().split('\n').find((line) => line.includes('skipped')) ?? '');
  assert.equal(skipped, gap?.skipped);
});
