// The widget's iframe, and the only way between it and the page.

import { Meter } from './meter.js';

/** More than a widget says that means well. One that floods must not keep the page from its person: what is beyond is not
 * even read. */
const BURST = 2000;
const PER_SECOND = 100;

/** As other clients have it. Not among them: dialogs that stop the page, and leading the person away from it. */
const SANDBOX = [
  'allow-scripts',
  'allow-same-origin',
  'allow-forms',
  'allow-popups',
  'allow-popups-to-escape-sandbox',
  'allow-downloads',
  'allow-presentation',
];

/** What widgets for calls and boards need. The browser still asks before it opens a camera, a microphone or a screen. */
const FEATURES = [
  'camera',
  'microphone',
  'display-capture',
  'speaker-selection',
  'autoplay',
  'encrypted-media',
  'fullscreen',
  'picture-in-picture',
  'screen-wake-lock',
  'clipboard-read',
  'clipboard-write',
];

/** How often it is told what was dropped, in milliseconds. */
const TELL = 500;

/** @typedef {object} Events
 * @property {(text: string, message: Record<string, any>) => void} onMessage the widget said this, as JSON
 * @property {(count: number) => void} onFlood so many messages more were dropped, for they were too many at once
 * @property {() => void} onLoad the iframe has loaded */

/** @param {HTMLElement} place @param {Events} events */
export function createBridge(place, events) {
  /** @type {HTMLIFrameElement | undefined} */
  let frame;
  let origin = '';
  /** @type {object[]} */
  let waiting = [];

  // Each message is posted in a task of its own: widgets lose an update that comes in one task with the answer before
  // it. A message channel is not slowed down in background tabs, as timers are.
  const { port1: bell, port2: door } = new MessageChannel();
  door.onmessage = () => {
    const message = waiting.shift();
    if (message) {
      frame?.contentWindow?.postMessage(message, origin);
    }
  };

  let meter = new Meter(BURST, PER_SECOND);
  let dropped = 0;

  function drop() {
    if (dropped === 0) {
      setTimeout(() => {
        events.onFlood(dropped);
        dropped = 0;
      }, TELL);
    }
    dropped += 1;
  }

  window.addEventListener('message', (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== origin) {
      return;
    }
    if (!meter.take()) {
      drop();
      return;
    }
    const { data } = event;
    if (typeof data !== 'object' || data === null || Array.isArray(data)) {
      console.warn('dropped a message of the widget: expected an object');
      return;
    }
    /** @type {string | undefined} */
    let text;
    try {
      text = JSON.stringify(data);
    } catch {
      // What can be posted and is not JSON: circles, big integers.
      console.warn('dropped a message of the widget: expected what JSON can say');
      return;
    }
    events.onMessage(text, data);
  });

  return {
    /** Loads the widget, in a new iframe: what the old one still says is not heard any more.
     * @param {string} url @param {string} widgetId @param {string} name */
    load(url, widgetId, name) {
      const source = new URL(url);
      source.searchParams.set('widgetId', widgetId);
      // The origin, not the page's address: that one holds the token.
      source.searchParams.set('parentUrl', window.location.origin);
      origin = source.origin;
      waiting = [];
      meter = new Meter(BURST, PER_SECOND);
      frame = document.createElement('iframe');
      frame.dataset.testid = 'widget-frame';
      frame.title = name;
      frame.sandbox.add(...SANDBOX);
      frame.allow = FEATURES.join('; ');
      frame.referrerPolicy = 'no-referrer';
      frame.addEventListener('load', events.onLoad);
      frame.src = source.href;
      place.replaceChildren(frame);
    },

    /** Posts a message to the widget, after those that wait already.
     * @param {object} message */
    post(message) {
      waiting.push(message);
      bell.postMessage(null);
    },
  };
}
