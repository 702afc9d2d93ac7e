// How far widget and host have come, read from what they say.

import { isTurn } from './capability.js';
import { errorOf, isReply } from './message_log.js';

/** @typedef {'not watching' | 'starting' | 'watching' | 'refused'} Watch */
/** @typedef {'waiting for the widget' | 'negotiating' | 'TURN allowed' | 'TURN denied' | 'TURN not asked for'} Handshake */

export class Conversation {
  constructor() {
    this.reset();
  }

  /** The widget's page is loaded anew. */
  reset() {
    /** @type {Watch} */
    this.watch = 'not watching';
    /** @type {Handshake} */
    this.handshake = 'waiting for the widget';
    /** The id of the last watch or unwatch, whose answer decides. @type {unknown} */
    this.asked = undefined;
    this.hasLoaded = false;
  }

  /** @param {import('./message_log.js').Side} from @param {Record<string, any>} message */
  observe(from, message) {
    const reply = isReply(message);
    if (message.api === 'fromWidget' && from === 'widget' && !reply) {
      this.request(message);
    } else if (message.api === 'fromWidget' && from === 'host' && reply) {
      this.answer(message);
    } else if (message.api === 'toWidget' && from === 'host' && !reply) {
      this.told(message);
    }
  }

  /** @param {Record<string, any>} message */
  request({ action, requestId }) {
    if (action === 'content_loaded' && this.hasLoaded) {
      this.reset();
    }
    this.hasLoaded ||= action === 'content_loaded';
    if (this.handshake === 'waiting for the widget') {
      this.handshake = 'negotiating';
    }
    if (action === 'watch_turn_servers') {
      this.asked = requestId;
      this.watch = this.watch === 'watching' ? 'watching' : 'starting';
    } else if (action === 'unwatch_turn_servers') {
      this.asked = requestId;
    }
  }

  /** @param {Record<string, any>} message */
  answer({ action, requestId, response }) {
    if (this.asked === undefined || requestId !== this.asked) {
      return;
    }
    if (action === 'watch_turn_servers') {
      this.watch = errorOf(response) === null ? 'watching' : 'refused';
    } else if (action === 'unwatch_turn_servers' && errorOf(response) === null) {
      this.watch = 'not watching';
    }
  }

  /** @param {Record<string, any>} message */
  told({ action, data }) {
    // A host that asks a watching widget anew has seen another page, which watches nothing yet.
    if (action === 'capabilities' && this.watch !== 'not watching') {
      this.reset();
      this.handshake = 'negotiating';
    }
    if (action !== 'notify_capabilities' || !Array.isArray(data?.approved)) {
      return;
    }
    if (data.approved.some(isTurn)) {
      this.handshake = 'TURN allowed';
    } else if (Array.isArray(data.requested) && data.requested.some(isTurn)) {
      this.handshake = 'TURN denied';
    } else if (this.handshake === 'negotiating') {
      this.handshake = 'TURN not asked for';
    }
  }
}
