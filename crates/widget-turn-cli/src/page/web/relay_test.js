// The dialog that tries the TURN servers twice: by widget-turn, as `widget-turn check` does it, and by this browser.

import { element } from './element.js';
import { gather } from './gather.js';
import { browsers, ours } from './verdict.js';

/** @typedef {object} Found
 * @property {{ grade: string, servers: import('./verdict.js').Server[] } | null} report
 * @property {{ username: string, credential: string } | null} ice_server
 * @property {string | null} problem */

/** @param {() => boolean} ask has widget-turn test; `false` if it cannot be asked */
export function createRelayTest(ask) {
  const open = element('relay-test', HTMLButtonElement);
  const dialog = element('relays', HTMLDialogElement);
  const state = element('relay-state', HTMLElement);
  const table = element('relay-table', HTMLTableElement);
  const rows = element('relay-rows', HTMLTableSectionElement);
  const again = element('relay-again', HTMLButtonElement);
  /** Which test this is: what belongs to a former one counts for nothing. */
  let number = 0;

  function begin() {
    number += 1;
    rows.replaceChildren();
    table.hidden = true;
    const asked = ask();
    again.disabled = asked;
    say(asked ? 'testing' : 'failed', asked ? 'widget-turn tries the servers …' : 'The connection to widget-turn is lost.');
  }

  /** @param {'testing' | 'done' | 'failed'} what @param {string} words */
  function say(what, words) {
    state.textContent = words;
    state.dataset.state = what;
  }

  /** @param {string} tag @param {string} id @param {string[]} lines */
  function cell(tag, id, lines) {
    const made = document.createElement(tag);
    made.dataset.testid = id;
    for (const line of lines) {
      const words = document.createElement('p');
      words.textContent = line;
      made.append(words);
    }
    return made;
  }

  /** @param {Found} found */
  async function show({ report, ice_server: credentials, problem }) {
    const test = number;
    if (!report || !credentials) {
      say('failed', `There is nothing to test: ${problem ?? 'there are no TURN servers'}.`);
      again.disabled = false;
      return;
    }
    table.hidden = false;
    // One after the other: the user's quota may be tight.
    let differences = 0;
    for (const server of report.servers) {
      say('testing', `This browser tries ${server.uri} …`);
      const row = document.createElement('tr');
      row.dataset.testid = 'relay-row';
      const mine = ours(server);
      const uri = cell('th', 'relay-uri', [server.uri]);
      uri.setAttribute('scope', 'row');
      const found = cell('td', 'relay-ours', mine.lines);
      found.dataset.works = String(mine.works);
      row.append(uri, found);
      rows.append(row);
      const theirs = browsers(await gather(server.uri, credentials));
      if (test !== number) {
        return;
      }
      const differs = mine.works !== theirs.works;
      const lines = differs ? ['Differs from what widget-turn found:', ...theirs.lines] : theirs.lines;
      const seen = cell('td', 'relay-browsers', lines);
      seen.dataset.works = String(theirs.works);
      if (differs) {
        differences += 1;
        row.dataset.differs = 'true';
      }
      row.append(seen);
    }
    const difference = differences > 0 ? ` This browser sees ${differences} of them otherwise.` : ' This browser sees the same.';
    say('done', `Grade: ${report.grade}.${difference}`);
    again.disabled = false;
  }

  open.addEventListener('click', () => {
    dialog.showModal();
    if (!again.disabled) {
      begin();
    }
  });
  again.addEventListener('click', begin);
  element('relay-close', HTMLButtonElement).addEventListener('click', () => dialog.close());

  return {
    show,

    /** A new session begins: an answer to the former one's test does not come. */
    reset() {
      open.disabled = false;
      if (again.disabled) {
        number += 1;
        again.disabled = false;
        say('failed', 'The connection was lost meanwhile. Test again.');
      }
    },
  };
}
