import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conversation } from '../../crates/widget-turn-cli/src/page/web/conversation.js';

const TURN = 'town.robin.msc3846.turn_servers';

/** @param {Conversation} conversation @param {string} action @param {string} requestId */
function ask(conversation, action, requestId) {
  conversation.observe('widget', { api: 'fromWidget', requestId, action, data: {} });
}

/** @param {Conversation} conversation @param {string} action @param {string} requestId @param {object} response */
function answer(conversation, action, requestId, response = {}) {
  conversation.observe('host', { api: 'fromWidget', requestId, action, data: {}, response });
}

/** @param {Conversation} conversation @param {string[]} requested @param {string[]} approved */
function notify(conversation, requested, approved) {
  const data = { requested, approved };
  conversation.observe('host', { api: 'toWidget', requestId: 'n', action: 'notify_capabilities', data });
}

test('a watch starts, and is on once it is answered', () => {
  const conversation = new Conversation();
  assert.equal(conversation.watch, 'not watching');
  ask(conversation, 'watch_turn_servers', '1');
  assert.equal(conversation.watch, 'starting');
  answer(conversation, 'watch_turn_servers', '1');
  assert.equal(conversation.watch, 'watching');
});

test('a watch that is answered with an error is refused', () => {
  const conversation = new Conversation();
  ask(conversation, 'watch_turn_servers', '1');
  answer(conversation, 'watch_turn_servers', '1', { error: { message: 'no' } });
  assert.equal(conversation.watch, 'refused');
});

test('a watch ends with the answer to unwatch', () => {
  const conversation = new Conversation();
  ask(conversation, 'watch_turn_servers', '1');
  answer(conversation, 'watch_turn_servers', '1');
  ask(conversation, 'unwatch_turn_servers', '2');
  assert.equal(conversation.watch, 'watching');
  answer(conversation, 'unwatch_turn_servers', '2');
  assert.equal(conversation.watch, 'not watching');
});

test('an answer that comes after a newer request decides nothing', () => {
  const conversation = new Conversation();
  ask(conversation, 'watch_turn_servers', '1');
  ask(conversation, 'unwatch_turn_servers', '2');
  answer(conversation, 'unwatch_turn_servers', '2');
  answer(conversation, 'watch_turn_servers', '1');
  assert.equal(conversation.watch, 'not watching');
});

test('a second watch while watching changes nothing', () => {
  const conversation = new Conversation();
  ask(conversation, 'watch_turn_servers', '1');
  answer(conversation, 'watch_turn_servers', '1');
  ask(conversation, 'watch_turn_servers', '2');
  assert.equal(conversation.watch, 'watching');
});

test('the widget cannot answer itself', () => {
  const conversation = new Conversation();
  ask(conversation, 'watch_turn_servers', '1');
  conversation.observe('widget', { api: 'fromWidget', requestId: '1', action: 'watch_turn_servers', response: {} });
  notifyFromWidget(conversation);
  assert.equal(conversation.watch, 'starting');
  assert.equal(conversation.handshake, 'negotiating');
});

/** @param {Conversation} conversation */
function notifyFromWidget(conversation) {
  const data = { requested: [TURN], approved: [TURN] };
  conversation.observe('widget', { api: 'toWidget', requestId: 'n', action: 'notify_capabilities', data });
}

test('the handshake ends with what was allowed, by either name', () => {
  for (const name of [TURN, 'm.turn_servers']) {
    const conversation = new Conversation();
    assert.equal(conversation.handshake, 'waiting for the widget');
    ask(conversation, 'supported_api_versions', '1');
    assert.equal(conversation.handshake, 'negotiating');
    notify(conversation, [name, 'm.always_on_screen'], ['m.always_on_screen']);
    assert.equal(conversation.handshake, 'TURN denied');
    notify(conversation, [name], [name]);
    assert.equal(conversation.handshake, 'TURN allowed');
  }
});

test('a widget that does not ask for TURN is no failure', () => {
  const conversation = new Conversation();
  ask(conversation, 'content_loaded', '1');
  notify(conversation, ['m.always_on_screen'], []);
  assert.equal(conversation.handshake, 'TURN not asked for');
});

test('later negotiations of other capabilities leave TURN as it is', () => {
  const conversation = new Conversation();
  ask(conversation, 'content_loaded', '1');
  notify(conversation, [TURN], [TURN]);
  notify(conversation, ['m.always_on_screen'], ['m.always_on_screen']);
  assert.equal(conversation.handshake, 'TURN allowed');
});

test('a widget that loads itself anew begins anew', () => {
  const conversation = new Conversation();
  ask(conversation, 'content_loaded', '1');
  notify(conversation, [TURN], [TURN]);
  ask(conversation, 'watch_turn_servers', '2');
  answer(conversation, 'watch_turn_servers', '2');
  ask(conversation, 'content_loaded', '1');
  assert.equal(conversation.watch, 'not watching');
  assert.equal(conversation.handshake, 'negotiating');
});

test('nonsense is no progress', () => {
  const conversation = new Conversation();
  for (const message of [{}, { api: 'toWidget', action: 'notify_capabilities', data: { approved: 'all' } }, { api: 7, response: null }]) {
    conversation.observe('widget', message);
    conversation.observe('host', message);
  }
  answer(conversation, 'watch_turn_servers', '9');
  assert.equal(conversation.watch, 'not watching');
  assert.equal(conversation.handshake, 'waiting for the widget');
});

test('a widget that reloads itself without a word watches nothing any more', () => {
  const conversation = new Conversation();
  ask(conversation, 'watch_turn_servers', '1');
  answer(conversation, 'watch_turn_servers', '1');
  conversation.observe('host', { api: 'toWidget', requestId: 'c', action: 'capabilities', data: {} });
  assert.equal(conversation.watch, 'not watching');
  assert.equal(conversation.handshake, 'negotiating');
});
