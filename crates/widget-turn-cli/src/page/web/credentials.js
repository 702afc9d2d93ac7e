// How long the credentials in hand still last, and what the homeserver said last.

import { element } from './element.js';
import { life, span } from './format.js';

const TICK = 250;

export function createLifeBar() {
  const bar = element('life', HTMLElement);
  const text = element('life-text', HTMLElement);
  const username = element('life-username', HTMLElement);
  const refreshes = element('refresh-count', HTMLElement);
  const lastFetch = element('last-fetch', HTMLElement);

  // By the wall clock, which goes on while the machine sleeps, as the credentials' end does.
  let end = 0;
  let lifetime = 0;
  let received = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;

  /** @param {HTMLElement} place @param {string} words */
  function write(place, words) {
    if (place.textContent !== words) {
      place.textContent = words;
    }
  }

  function show() {
    const now = Date.now();
    const left = Math.max(0, (end - now) / 1000);
    const share = lifetime > 0 ? Math.min(left / lifetime, 1) : 0;
    const words = received === 0 ? 'none yet' : left > 0 ? life(left, lifetime) : `expired ${span((now - end) / 1000)} ago`;
    write(text, words);
    bar.style.setProperty('--share', share.toFixed(4));
    bar.dataset.level = received === 0 ? 'none' : left === 0 ? 'expired' : share <= 0.25 ? 'low' : 'good';
    bar.ariaValueMax = String(Math.round(lifetime));
    bar.ariaValueNow = String(Math.floor(left));
    bar.ariaValueText = words;
  }

  function start() {
    timer ??= setInterval(show, TICK);
    show();
  }

  return {
    /** @param {{ username: string, expires_in_ms: number, lifetime_ms: number, uris: string[] }} credentials */
    renewed(credentials) {
      end = Date.now() + credentials.expires_in_ms;
      lifetime = credentials.lifetime_ms / 1000;
      received += 1;
      write(refreshes, String(received - 1));
      write(username, credentials.username);
      username.title = credentials.uris.join('\n');
      start();
    },

    /** @param {{ status: number | null, outcome: string }} fetch */
    fetched({ status, outcome }) {
      write(lastFetch, status === null ? outcome : `HTTP ${status}: ${outcome}`);
    },

    /** Nothing is known: a new session begins. */
    reset() {
      clearInterval(timer);
      timer = undefined;
      received = 0;
      lifetime = 0;
      write(refreshes, '0');
      write(username, '');
      write(lastFetch, '');
      show();
    },
  };
}
