// What widget and host have said to each other, each request with its answer. Holds nothing secret.

import { MASK, mask, maskText } from './mask.js';

/** @typedef {'widget' | 'host'} Side */

/** @typedef {object} Reply
 * @property {number} at milliseconds since 1970
 * @property {number} took milliseconds since the request
 * @property {string | null} error the error's message, `null` if it is no error
 * @property {string} json the reply, masked */

/** @typedef {object} Entry
 * @property {number} number counts up
 * @property {number} at milliseconds since 1970
 * @property {Side} from
 * @property {string} action
 * @property {boolean} isReply a reply to nothing that is known
 * @property {string | null} error the message of such a reply, if it is an error
 * @property {string} data the message's `data` at a glance, without secrets
 * @property {string} json the message, masked
 * @property {Reply | null} reply */

/** @param {unknown} value */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param {Record<string, any>} message */
function idOf(message) {
  const id = message.requestId ?? message.requestid;
  return typeof id === 'string' || typeof id === 'number' ? String(id) : null;
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
  /** @param {number} [limit] how many rows are kept; the oldest go first */
  constructor(limit = 2000) {
    this.limit = limit;
    this.next = 1;
    /** By their number, oldest first. @type {Map<number, Entry>} */
    this.entries = new Map();
    /** Requests that wait for their answer, by who asked and the id. @type {Map<string, Entry>} */
    this.waiting = new Map();
    /** The key in `waiting` of each entry that is there. @type {WeakMap<Entry, string>} */
    this.keys = new WeakMap();
  }

  /** Takes a message in. Returns its row, which for an answer is the row of its request.
   * @param {Side} from who said it
   * @param {Record<string, any>} message
   * @param {number} at milliseconds since 1970
   * @returns {Entry} */
  add(from, message, at) {
    const id = idOf(message);
    if (isReply(message) && id !== null) {
      const key = `${from === 'widget' ? 'host' : 'widget'} ${id}`;
      const request = this.waiting.get(key);
      if (request) {
        this.waiting.delete(key);
        request.reply = {
          at,
          took: at - request.at,
          error: errorOf(message.response),
          json: JSON.stringify(mask(message)),
        };
        return request;
      }
    }
    const { action, data } = message;
    /** @type {Entry} */
    const entry = {
      number: this.next++,
      at,
      from,
      action: typeof action === 'string' ? action.slice(0, 80) : '(no action)',
      isReply: isReply(message),
      error: isReply(message) ? errorOf(message.response) : null,
      data: isObject(data) ? inOneLine(data) : '',
      json: JSON.stringify(mask(message)),
      reply: null,
    };
    this.entries.set(entry.number, entry);
    if (!entry.isReply && id !== null) {
      const key = `${from} ${id}`;
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
  }

  /** Everything as JSON lines, one message each, in the order in which they were said. */
  lines() {
    /** @type {{at: number, from: Side, json: string}[]} */
    const said = [];
    for (const { at, from, json, reply } of this.entries.values()) {
      said.push({ at, from, json });
      if (reply) {
        said.push({ at: reply.at, from: from === 'widget' ? 'host' : 'widget', json: reply.json });
      }
    }
    said.sort((one, other) => one.at - other.at);
    return said
      .map(({ at, from, json }) => `{"time":"${new Date(at).toISOString()}","from":"${from}","message":${json}}\n`)
      .join('');
  }
}

/** @typedef {'all' | 'turn' | 'errors'} Kind */

/** Whether a row is to be seen.
 * @param {Entry} entry @param {Kind} kind @param {string} text in lower case; empty for any */
export function matches(entry, kind, text) {
  if (kind === 'errors' && (entry.reply ?? entry).error === null) {
    return false;
  }
  if (kind === 'turn' && !/turn_servers/.test(entry.action) && !/turn_servers/.test(entry.data)) {
    return false;
  }
  return (
    text === '' ||
    entry.json.toLowerCase().includes(text) ||
    (entry.reply !== null && entry.reply.json.toLowerCase().includes(text))
  );
}
