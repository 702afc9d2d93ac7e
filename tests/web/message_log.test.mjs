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
  assert.ok(matches(row, 'errors', ''));
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
  assert.deepEqual(lines[2].message, { ...watch, response: {} });
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
  assert.deepEqual([asked, other, failed].map((row) => matches(row, 'turn', '')), [true, false, false]);
  assert.deepEqual([asked, other, failed].map((row) => matches(row, 'errors', '')), [false, false, true]);
  assert.deepEqual([asked, other, failed].map((row) => matches(row, 'all', 'hello')), [false, true, false]);
  assert.deepEqual([asked, other, failed].map((row) => matches(row, 'all', 'unknown')), [false, false, true]);
});
