// The list of messages.

import { element } from './element.js';
import { clock, counted, latency } from './format.js';
import { MessageLog, matches } from './message_log.js';

/** @typedef {import('./message_log.js').Entry} Entry */

/** Rows made in one frame: a flood must leave the page time for its person. */
const AT_ONCE = 200;

export function createInspector() {
  const log = new MessageLog();
  const list = element('rows', HTMLElement);
  const empty = element('rows-empty', HTMLElement);
  const scroller = element('scroller', HTMLElement);
  const pause = element('pause', HTMLButtonElement);
  const newest = element('newest', HTMLButtonElement);
  const text = element('filter-text', HTMLInputElement);
  const kind = element('filter-kind', HTMLSelectElement);
  const count = element('view-count', HTMLElement);

  /** The rows on the page by their entry's number. @type {Map<number, HTMLLIElement>} */
  const rows = new Map();
  /** Entries whose answer came since the last frame. @type {Set<Entry>} */
  const answered = new Set();
  /** Everything up to this number has its row or is filtered out. */
  let shownTo = 0;
  /** @type {number | null} */
  let pausedAt = null;
  let frame = 0;
  let sticks = true;

  function schedule() {
    frame ||= requestAnimationFrame(render);
  }

  /** @param {Entry} entry */
  function isWanted(entry) {
    return matches(entry, /** @type {import('./message_log.js').Kind} */ (kind.value), text.value.trim().toLowerCase());
  }

  function render() {
    frame = 0;
    if (pausedAt !== null) {
      pause.textContent = `Resume (${counted(log.next - 1 - pausedAt, 'new', 'new')})`;
      return;
    }
    for (const [number, row] of rows) {
      if (!log.entries.has(number)) {
        row.remove();
        rows.delete(number);
      }
    }
    for (const entry of answered) {
      const row = rows.get(entry.number);
      if (row) {
        fillAnswer(row, entry);
      } else if (entry.number <= shownTo && log.entries.has(entry.number) && isWanted(entry)) {
        // The answer is what makes it match.
        insert(entry);
      }
    }
    answered.clear();
    append();
    empty.textContent =
      rows.size > 0 || shownTo < log.next - 1 ? '' : log.entries.size > 0 ? 'No message matches the filter.' : 'Nothing was said yet.';
    count.textContent = log.entries.size > 0 ? String(log.entries.size) : '';
    if (sticks) {
      scroller.scrollTop = scroller.scrollHeight;
    }
  }

  function append() {
    const made = document.createDocumentFragment();
    const oldest = log.entries.keys().next().value ?? log.next;
    for (let number = Math.max(shownTo + 1, oldest); number < log.next; number++) {
      if (made.childElementCount === AT_ONCE) {
        schedule();
        break;
      }
      const entry = log.entries.get(number);
      if (entry && isWanted(entry)) {
        made.append(makeRow(entry));
      }
      shownTo = number;
    }
    list.append(made);
  }

  /** @param {Entry} entry */
  function insert(entry) {
    const later = [...rows.keys()].filter((number) => number > entry.number);
    const next = rows.get(Math.min(...later));
    list.insertBefore(makeRow(entry), next ?? null);
  }

  /** @param {Entry} entry */
  function makeRow(entry) {
    const row = document.createElement('li');
    row.dataset.testid = 'inspector-message';
    row.dataset.from = entry.from;
    row.dataset.action = entry.action;
    const details = document.createElement('details');
    const summary = document.createElement('summary');
    summary.append(
      cell('time', clock(entry.at)),
      cell('way', entry.from === 'widget' ? '→' : '←', entry.from === 'widget' ? 'from the widget' : 'from the host'),
      what(entry),
      cell('answer', ''),
    );
    details.append(summary);
    details.addEventListener('toggle', () => showJson(details, entry));
    row.append(details);
    rows.set(entry.number, row);
    fillAnswer(row, entry);
    return row;
  }

  /** @param {Entry} entry */
  function what(entry) {
    const place = document.createElement('span');
    place.className = 'what';
    place.append(cell('action', entry.action), cell('data', entry.isReply ? 'an answer to nothing that is known' : entry.data));
    return place;
  }

  /** @param {string} name @param {string} words @param {string} [spoken] instead of the words */
  function cell(name, words, spoken) {
    const place = document.createElement('span');
    place.className = name;
    if (spoken === undefined) {
      place.textContent = words;
      return place;
    }
    place.title = spoken;
    const glyph = document.createElement('span');
    glyph.ariaHidden = 'true';
    glyph.textContent = words;
    const unseen = document.createElement('span');
    unseen.className = 'unseen';
    unseen.textContent = spoken;
    place.append(glyph, unseen);
    return place;
  }

  /** @param {HTMLLIElement} row @param {Entry} entry */
  function fillAnswer(row, entry) {
    const { reply } = entry;
    row.dataset.answer = entry.isReply ? 'none' : !reply ? 'waiting' : reply.error === null ? 'ok' : 'error';
    const answer = /** @type {HTMLElement} */ (row.querySelector('.answer'));
    answer.textContent = entry.isReply ? '' : !reply ? '…' : `${reply.error === null ? 'ok' : 'error'} ${latency(reply.took)}`;
    answer.title = entry.isReply || reply ? '' : 'no answer yet';
    if (reply?.error) {
      const message = cell('error', reply.error);
      row.querySelector('.error')?.remove();
      row.querySelector('.what')?.append(message);
    }
    const details = row.querySelector('details');
    if (details?.open) {
      showJson(details, entry);
    }
  }

  /** @param {HTMLDetailsElement} details @param {Entry} entry */
  function showJson(details, entry) {
    for (const old of details.querySelectorAll('.json')) {
      old.remove();
    }
    if (!details.open) {
      return;
    }
    const parts = entry.reply ? [['Request', entry.json], ['Answer', entry.reply.json]] : [['Message', entry.json]];
    for (const [title, json] of parts) {
      const place = document.createElement('figure');
      place.className = 'json';
      const caption = document.createElement('figcaption');
      caption.textContent = String(title);
      const pre = document.createElement('pre');
      pre.tabIndex = 0;
      pre.textContent = JSON.stringify(JSON.parse(String(json)), null, 2);
      place.append(caption, pre);
      details.append(place);
    }
  }

  function startAnew() {
    list.replaceChildren();
    rows.clear();
    shownTo = 0;
    schedule();
  }

  function togglePause() {
    pausedAt = pausedAt === null ? log.next - 1 : null;
    pause.ariaPressed = String(pausedAt !== null);
    pause.textContent = 'Pause';
    schedule();
  }

  function download() {
    const file = new Blob([log.lines()], { type: 'application/jsonl' });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(file);
    link.download = `widget-messages-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.jsonl`;
    link.click();
    // The download has begun once this task is over.
    setTimeout(() => URL.revokeObjectURL(link.href), 0);
  }

  text.addEventListener('input', startAnew);
  kind.addEventListener('change', startAnew);
  pause.addEventListener('click', togglePause);
  element('clear', HTMLButtonElement).addEventListener('click', () => {
    log.clear();
    if (pausedAt !== null) {
      pausedAt = log.next - 1;
    }
    list.replaceChildren();
    rows.clear();
    schedule();
  });
  element('export', HTMLButtonElement).addEventListener('click', download);
  scroller.addEventListener('scroll', () => {
    sticks = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 24;
    newest.hidden = sticks;
  });
  newest.addEventListener('click', () => {
    sticks = true;
    schedule();
  });
  schedule();

  return {
    /** @param {import('./message_log.js').Side} from @param {Record<string, any>} message */
    record(from, message) {
      const entry = log.add(from, message, Date.now());
      if (entry.reply) {
        answered.add(entry);
      }
      if (answered.size > 2 * log.limit) {
        // Nothing is drawn while the tab is hidden.
        for (const old of answered) {
          if (!log.entries.has(old.number)) {
            answered.delete(old);
          }
        }
      }
      schedule();
    },
  };
}
