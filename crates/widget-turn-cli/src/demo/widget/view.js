// What the person sees.

/** @typedef {'waiting' | 'connecting' | 'connected' | 'failed'} RelayState */
/** @typedef {{ at: number, username: string, setUp: number | null, path: string, failure: string }} Past */

const KEPT = 20;

/** @param {string} id */
function element(id) {
  const found = document.getElementById(id);
  if (!found) {
    throw new Error(`index.html has no ${id}`);
  }
  return found;
}

const toggle = /** @type {HTMLButtonElement} */ (element('toggle'));

/** @param {string} words */
export function say(words) {
  element('words').textContent = words;
}

/** @param {RelayState} state @param {string} [reason] of a failure */
export function showRelay(state, reason) {
  const place = element('relay-state');
  place.textContent = reason === undefined ? state : `${state}: ${reason}`;
  place.dataset.state = state;
  element('picture').dataset.state = state;
  if (state !== 'connected') {
    element('relay-rtt').textContent = '–';
  }
}

/** @param {number} milliseconds */
export function showRoundTrip(milliseconds) {
  element('relay-rtt').textContent = `${milliseconds.toFixed(1)} ms`;
}

/** @param {{ username: string, uris: string[] }} servers */
export function showServers({ username, uris }) {
  element('turn-username').textContent = username;
  element('turn-uris').replaceChildren(
    ...uris.map((uri) => {
      const item = document.createElement('li');
      const code = document.createElement('code');
      code.textContent = uri;
      item.append(code);
      return item;
    }),
  );
}

/** @param {Past} past */
export function remember({ at, username, setUp, path, failure }) {
  element('past').hidden = false;
  const item = document.createElement('li');
  const time = document.createElement('time');
  time.dateTime = new Date(at).toISOString();
  time.textContent = new Date(at).toLocaleTimeString([], { hour12: false });
  const what = document.createElement('span');
  what.className = setUp === null ? 'failure' : '';
  what.textContent = setUp === null ? `failed: ${failure}` : `connected in ${Math.round(setUp)} ms`;
  const detail = document.createElement('code');
  detail.textContent = [path, username].filter(Boolean).join(' · ');
  item.append(time, what, detail);
  const list = element('history');
  list.prepend(item);
  while (list.childElementCount > KEPT) {
    list.lastElementChild?.remove();
  }
}

/** The button that starts and stops watching.
 * @param {'Start watching' | 'Stop watching'} label @param {boolean} isReady */
export function showToggle(label, isReady) {
  toggle.textContent = label;
  toggle.disabled = !isReady;
}

/** @param {() => void} action */
export function onToggle(action) {
  toggle.addEventListener('click', action);
}
