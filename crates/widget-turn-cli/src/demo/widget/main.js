// A widget that asks for TURN servers and tries each that it is given.

import { openRelay } from './relay.js';
import { Refused, readQuery, startWidgetApi } from './widget_api.js';
import * as view from './view.js';

/** @typedef {import('./relay.js').TurnServers} TurnServers */

const TURN = 'town.robin.msc3846.turn_servers';
const TURN_VERSION = 'town.robin.msc3846';

/** @type {import('./relay.js').Relay | undefined} */
let relay;
/** Counts the credentials, so that what older ones led to is not taken for the newest. */
let latest = 0;
let isWatching = false;
let isGranted = false;

const names = readQuery(window.location.search);
if (names && window.parent !== window) {
  run(names);
} else {
  view.say('This page is a widget: it must be opened by a host, with its widgetId and parentUrl.');
}

/** @param {{ widgetId: string, hostOrigin: string }} names */
async function run(names) {
  const api = startWidgetApi(names, {
    capabilities: () => {
      view.say('Asking for access to your relay servers …');
      return { capabilities: [TURN] };
    },
    notify_capabilities: ({ approved }) => {
      isGranted = Array.isArray(approved) && approved.includes(TURN);
      void begin();
      return {};
    },
    update_turn_servers: (data) => {
      const servers = readServers(data);
      // After the answer: the host waits for it.
      setTimeout(() => use(servers), 0);
      return {};
    },
  });
  const versions = api.request('supported_api_versions');
  api.request('content_loaded').catch((error) => view.say(`The host did not take the widget: ${error.message}.`));

  async function begin() {
    if (!isGranted) {
      view.showToggle('Start watching', false);
      view.say('This widget was not allowed to use your relay servers, so there is nothing to try. Loaded again, it asks again.');
      return;
    }
    try {
      const { supported_versions: supported } = await versions;
      if (!Array.isArray(supported) || !supported.includes(TURN_VERSION)) {
        view.say(`This host cannot give TURN servers to widgets: it does not list ${TURN_VERSION}.`);
        return;
      }
    } catch (error) {
      view.say(`The host does not say what it supports: ${reason(error)}.`);
      return;
    }
    await watch();
  }

  async function watch() {
    view.showToggle('Stop watching', false);
    view.say('Waiting for the first TURN servers …');
    try {
      await api.request('watch_turn_servers');
      isWatching = true;
      view.showToggle('Stop watching', true);
      if (latest === 0) {
        view.say('Watching. The host has no TURN servers yet and will send them.');
      } else {
        view.say('Watching: with each refresh, the connection is made anew.');
      }
    } catch (error) {
      isWatching = false;
      view.showToggle('Start watching', true);
      view.say(error instanceof Refused ? `The host gives no TURN servers: ${error.message}` : `Watching failed: ${reason(error)}.`);
    }
  }

  async function unwatch() {
    view.showToggle('Start watching', false);
    try {
      await api.request('unwatch_turn_servers');
      isWatching = false;
      view.showToggle('Start watching', true);
      view.say('Not watching. What is connected stays so; after the credentials have run out, nothing new would connect.');
    } catch (error) {
      view.showToggle('Stop watching', true);
      view.say(`The host did not stop: ${reason(error)}.`);
    }
  }

  view.onToggle(() => void (isWatching ? unwatch() : watch()));
}

/** @param {any} data @returns {TurnServers} */
function readServers({ uris, username, password }) {
  const isList = Array.isArray(uris) && uris.every((uri) => typeof uri === 'string');
  if (!isList) {
    throw new TypeError('update_turn_servers: expected uris to be a list of strings');
  }
  return { uris, username: String(username ?? ''), password: String(password ?? '') };
}

/** Makes the connection anew with these servers, then closes the one before.
 * @param {TurnServers} servers */
async function use(servers) {
  latest += 1;
  const mine = latest;
  const at = Date.now();
  const isLatest = () => mine === latest;
  view.showServers(servers);
  view.showRelay('connecting');
  view.say('Watching: with each refresh, the connection is made anew.');
  try {
    const opened = await openRelay(
      servers,
      (milliseconds) => isLatest() && view.showRoundTrip(milliseconds),
      (why) => isLatest() && view.showRelay('failed', why),
    );
    view.remember({ at, username: servers.username, setUp: opened.setUp, path: opened.path, failure: '' });
    if (!isLatest()) {
      opened.close();
      return;
    }
    relay?.close();
    relay = opened;
    view.showRelay('connected');
  } catch (error) {
    view.remember({ at, username: servers.username, setUp: null, path: '', failure: reason(error) });
    if (isLatest()) {
      view.showRelay('failed', reason(error));
    }
  }
}

/** @param {unknown} error */
function reason(error) {
  return error instanceof Error ? error.message : String(error);
}
