// What widget and host have said to each other, each request with its answer. Holds nothing secret.

import { isUnsupported, kindOf } from './kind.js';
import { MASK, mask, maskText } from './mask.js';
import { Meter } from './meter.js';

/** What is kept of a flood: masking and showing a message costs far more than passing it on. */
const BURST = 500;
const PER_SECOND = 50;
const MOST_SKIPPED = 10_000;

/** @typedef {'widget' | 'host'} Side */

/** @typedef {import('./kind.js').Kind} Kind */

/** @typedef {object} Reply
 * @property {number} at milliseconds since 1970
 * @property {number} took milliseconds since the request
 * @property {string | null} error the error's message, `null` if it is no error
 * @property {boolean} isUnknown the error says that the action is not supported
 * @property {string} json the reply, masked */

/** @typedef {object} Entry
 * @property {number} number counts up
 * @property {number} at milliseconds since 1970
 * @property {Side} from
 * @property {string} action
 * @property {Kind} kind
 * @property {boolean} isReply a reply to nothing that is known
 * @property {string | null} error the message of such a reply, if it is an error
 * @property {string} data the message's `data` at a glance, without secrets
 * @property {string} json the message, masked
 * @property {Reply | null} reply
 * @property {number} skipped how many messages this row stands for that were not kept; 0 for a message */

/** @param {unknown} value */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param {Record<string, any>} message */
function idOf(message) {
  const id = message.requestId ?? message.requestid;
  return typeof id === 'string' || typeof id === 'number' ? String(id) : null;
}

/** Who asked, and by which id: the same for a request and its reply.
 * @param {Side} from @param {Record<string, any>} message */
function keyOf(from, message) {
  const id = idOf(message);
  if (id === null) {
    return null;
  }
  const asker = isReply(message) === (from === 'widget') ? 'host' : 'widget';
  return `${asker} ${id}`;
}

/** Whether a message is a reply, which is its request with `response` added.
 * @param {object} message */
export function isReply(message) {
  return Object.hasOwn(message, 'response');
}

/** The message of an error reply; `null` if it is none.
 * @param {unknown} response */
export function errorOf(response) {
  const error = isObject(response) ? /** @type {any} */ (response).error : undefined;
  if (error === undefined || error === null) {
    return null;
  }
  const text = typeof error.message === 'string' ? error.message : JSON.stringify(mask(error));
  return maskText(text.slice(0, 300));
}

/** What is worth seeing of a message's data at a glance: not what is masked anyway.
 * @param {object} data */
function inOneLine(data) {
  const shown = Object.entries(/** @type {object} */ (mask(data))).filter(([, value]) => value !== MASK);
  return shown.length > 0 ? JSON.stringify(Object.fromEntries(shown)).slice(0, 200) : '';
}

export class MessageLog {
  /** @param {number} [limit] how many rows are kept; the oldest go first
   * @param {() => number} [now] milliseconds that never go back */
  constructor(limit = 2000, now) {
    this.limit = limit;
    this.next = 1;
    /** By their number, oldest first. @type {Map<number, Entry>} */
    this.entries = new Map();
    /** Requests that wait for their answer, by who asked and the id. @type {Map<string, Entry>} */
    this.waiting = new Map();
    /** The key in `waiting` of each entry that is there. @type {WeakMap<Entry, string>} */
    this.keys = new WeakMap();
    /** What is kept while there are too many. */
    this.meter = new Meter(BURST, PER_SECOND, now);
    /** The ids of requests that were not kept. @type {Set<string>} */
    this.skipped = new Set();
  }

  /** As `add`, if there is not too much to keep; what is left out is counted in a row.
   * @param {Side} from @param {Record<string, any>} message @param {number} at milliseconds since 1970
   * @returns {Entry} */
  take(from, message, at) {
    const key = keyOf(from, message);
    const answers = isReply(message);
    // The answer to what is shown is shown.
    const isAwaited = answers && key !== null && this.waiting.has(key);
    if (isAwaited || (!(answers && key !== null && this.skipped.delete(key)) && this.meter.take())) {
      return this.add(from, message, at);
    }
    if (!answers && key !== null && this.skipped.size < MOST_SKIPPED) {
      this.skipped.add(key);
    }
    return this.skip(1, at);
  }

  /** Counts messages that are not kept.
   * @param {number} count @param {number} at milliseconds since 1970
   * @returns {Entry} */
  skip(count, at) {
    const last = this.entries.get(this.next - 1);
    if (last && last.skipped > 0) {
      last.skipped += count;
      return last;
    }
    const json = '{}';
    const entry = { ...this.blank('widget', at), action: '…', kind: kindOf(''), json, skipped: count };
    this.entries.set(entry.number, entry);
    this.dropOldest();
    return entry;
  }

  /** @param {Side} from @param {number} at
   * @returns {Entry} */
  blank(from, at) {
    return {
      number: this.next++,
      at,
      from,
      action: '(no action)',
      kind: 'other',
      isReply: false,
      error: null,
      data: '',
      json: '',
      reply: null,
      skipped: 0,
    };
  }

  /** Takes a message in. Returns its row, which for an answer is the row of its request.
   * @param {Side} from who said it
   * @param {Record<string, any>} message
   * @param {number} at milliseconds since 1970
   * @returns {Entry} */
  add(from, message, at) {
    const key = keyOf(from, message);
    const answers = isReply(message);
    const request = answers && key !== null ? this.waiting.get(key) : undefined;
    const json = JSON.stringify(mask(message));
    const error = answers ? errorOf(message.response) : null;
    if (request && key !== null) {
      this.waiting.delete(key);
      const isUnknown = error !== null && isUnsupported(request.action, error);
      request.reply = { at, took: at - request.at, error, isUnknown, json };
      return request;
    }
    const { action, data } = message;
    const entry = this.blank(from, at);
    if (typeof action === 'string') {
      entry.action = action.slice(0, 80);
      entry.kind = kindOf(action);
    }
    entry.isReply = answers;
    entry.error = error;
    entry.data = isObject(data) ? inOneLine(data) : '';
    entry.json = json;
    this.entries.set(entry.number, entry);
    if (!answers && key !== null) {
      this.waiting.set(key, entry);
      this.keys.set(entry, key);
    }
    this.dropOldest();
    return entry;
  }

  dropOldest() {
    for (const [number, entry] of this.entries) {
      if (this.entries.size <= this.limit) {
        return;
      }
      this.entries.delete(number);
      const key = this.keys.get(entry);
      if (key !== undefined && this.waiting.get(key) === entry) {
        this.waiting.delete(key);
      }
    }
  }

  clear() {
    this.entries.clear();
    this.waiting.clear();
    this.skipped.clear();
  }

  /** Everything as JSON lines, one message each, in the order in which they were said. */
  lines() {
    /** @type {{ at: number, line: string }[]} */
    const said = [];
    for (const { at, from, json, reply, skipped } of this.entries.values()) {
      said.push({ at, line: skipped > 0 ? `"skipped":${skipped}` : `"from":"${from}","message":${json}` });
      if (reply) {
        const answerer = from === 'widget' ? 'host' : 'widget';
        said.push({ at: reply.at, line: `"from":"${answerer}","took_ms":${reply.took},"message":${reply.json}` });
      }
    }
    said.sort((one, other) => one.at - other.at);
    return said.map(({ at, line }) => `{"time":"${new Date(at).toISOString()}",${line}}\n`).join('');
  }
}

/** @typedef {object} Filter
 * @property {'all' | 'errors' | Kind} kind
 * @property {'both' | Side} side who asked
 * @property {string} text in lower case; empty for any */

/** Whether a row is to be seen.
 * @param {Entry} entry @param {Filter} filter */
export function matches(entry, { kind, side, text }) {
  if (side !== 'both' && entry.from !== side) {
    return false;
  }
  if (kind === 'errors' && (entry.reply ?? entry).error === null) {
    return false;
  }
  // The handshake grants TURN too.
  const isTurn = kind === 'turn' && /turn_servers/.test(entry.data);
  if (kind !== 'all' && kind !== 'errors' && kind !== entry.kind && !isTurn) {
    return false;
  }
  return (
    text === '' ||
    entry.json.toLowerCase().includes(text) ||
    (entry.reply !== null && entry.reply.json.toLowerCase().includes(text))
  );
}
