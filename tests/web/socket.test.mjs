// The page's socket to widget-turn.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../crates/widget-turn-cli/src/page/web/socket.js';

/** A socket that is open and keeps what is sent. */
class OpenSocket {
  static OPEN = 1;
  readyState = OpenSocket.OPEN;
  bufferedAmount = 0;
  /** @type {string[]} */
  sent = [];

  constructor() {
    OpenSocket.last = this;
  }

  /** @param {string} frame */
  send(frame) {
    this.sent.push(frame);
    this.bufferedAmount += frame.length;
  }
}

/** @type {any} */
const browser = globalThis;

test('a widget that fills the queue loses its words, and the person keeps theirs', () => {
  browser.WebSocket = OpenSocket;
  /** @type {any} */
  const noEvents = {};
  const socket = connect(new URL('ws://127.0.0.1/'), noEvents);
  const { last } = /** @type {any} */ (OpenSocket);
  assert.equal(socket.sendWidget('{}'), true);

  last.bufferedAmount = 64 * 1024 * 1024 + 1;
  assert.equal(socket.sendWidget('{}'), false);
  assert.equal(socket.sendControl({ type: 'decision', id: 1, decision: 'deny' }), true);
  assert.deepEqual(last.sent, ['w{}', 'c{"type":"decision","id":1,"decision":"deny"}']);
});
