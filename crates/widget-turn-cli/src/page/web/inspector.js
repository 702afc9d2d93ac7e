// The list of messages.

import { element } from './element.js';
import { clock, counted, latency } from './format.js';
import { MessageLog, matches } from './message_log.js';

/** @typedef {import('./message_log.js').Entry} Entry */

/** Rows on the page at first, and how many more at each wish. All that is kept would make the page slow to draw. */
const ROWS = 300;

/** Milliseconds from a message to its row: the widget, which has the same thread, goes first. */
const SOON = 100;
/** A flood must leave the page time for its person: after each drawing the list rests this many times as long. */
const REST = 4;
const LONGEST_REST = 500;

export function createInspector() {
  const log = new MessageLog();
  const list = element('rows', HTMLElement);
  const empty = element('rows-empty', HTMLElement);
  const scroller = element('scroller', HTMLElement);
  const pauseButton = element('pause', HTMLButtonElement);
  const newest = element('newest', HTMLButtonElement);
  const earlier = element('earlier', HTMLButtonElement);
  const text = element('filter-text', HTMLInputElement);
  const kind = element('filter-kind', HTMLSelectElement);
  const side = element('filter-side', HTMLSelectElement);
  const count = element('view-count', HTMLElement);

  /** The rows on the page by their entry's number. @type {Map<number, HTMLLIElement>} */
  const rows = new Map();
  /** Entries that have changed since the last drawing, mostly by an answer. @type {Set<Entry>} */
  const changed = new Set();
  let room = ROWS;
  /** What the list stands still at. @type {{ entries: Entry[], last: number } | null} */
  let pause = null;
  let isScheduled = false;
  let restUntil = 0;
  let sticks = true;

  /** @param {number} [delay] in milliseconds */
  function schedule(delay = 0) {
    if (isScheduled) {
      return;
    }
    isScheduled = true;
    const rest = Math.max(delay, restUntil - performance.now());
    setTimeout(() => requestAnimationFrame(draw), rest);
  }

  function draw() {
    isScheduled = false;
    const began = performance.now();
    drawRows();
    pauseButton.textContent = pause ? `Resume (${counted(log.next - 1 - pause.last, 'new', 'new')})` : 'Pause';
    const ended = performance.now();
    restUntil = ended + Math.min(REST * (ended - began), LONGEST_REST);
  }

  function drawRows() {
    const { wanted, hasMore } = newestWanted();
    for (const [number, row] of rows) {
      if (!wanted.has(number)) {
        row.remove();
        rows.delete(number);
      }
    }
    for (const entry of changed) {
      const row = rows.get(entry.number);
      if (row) {
        fillAnswer(row, entry);
      }
    }
    changed.clear();
    let place = list.firstElementChild;
    for (const [number, entry] of wanted) {
      if (rows.has(number)) {
        place = place?.nextElementSibling ?? null;
      } else {
        list.insertBefore(makeRow(entry), place);
      }
    }
    earlier.hidden = !hasMore;
    empty.textContent = rows.size > 0 ? '' : log.entries.size > 0 ? 'No message matches the filter.' : 'Nothing was said yet.';
    count.textContent = log.entries.size > 0 ? String(log.entries.size) : '';
    if (sticks) {
      scroller.scrollTop = scroller.scrollHeight;
    }
  }

  /** The newest entries that the filter lets through, oldest first, as many as there is room for. */
  function newestWanted() {
    const filter = /** @type {import('./message_log.js').Filter} */ ({
      kind: kind.value,
      side: side.value,
      text: text.value.trim().toLowerCase(),
    });
    /** @type {[number, Entry][]} */
    const found = [];
    for (const entry of (pause?.entries.slice() ?? [...log.entries.values()]).reverse()) {
      if (matches(entry, filter)) {
        if (found.length === room) {
          return { wanted: new Map(found.reverse()), hasMore: true };
        }
        found.push([entry.number, entry]);
      }
    }
    return { wanted: new Map(found.reverse()), hasMore: false };
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
    const { isReply, reply, skipped } = entry;
    const { error } = reply ?? entry;
    const state = reply?.isUnknown ? 'unsupported' : error !== null ? 'error' : reply ? 'ok' : isReply || skipped > 0 ? 'none' : 'waiting';
    row.dataset.answer = state;
    const answer = /** @type {HTMLElement} */ (row.querySelector('.answer'));
    const verdict = { unsupported: 'not supported', error: 'error', ok: 'ok', none: '', waiting: '…' }[state];
    answer.textContent = reply ? `${verdict} ${latency(reply.took)}` : verdict;
    answer.title = state === 'waiting' ? 'no answer yet' : '';
    if (skipped > 0) {
      const data = /** @type {HTMLElement} */ (row.querySelector('.data'));
      data.textContent = `${counted(skipped, 'message')} too many at once, not kept here`;
    }
    row.querySelector('.error')?.remove();
    if (error !== null) {
      row.querySelector('.what')?.append(cell('error', error));
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

  function showNewest() {
    sticks = true;
    schedule();
  }

  function togglePause() {
    pause = pause ? null : { entries: [...log.entries.values()], last: log.next - 1 };
    pauseButton.ariaPressed = String(pause !== null);
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

  text.addEventListener('input', showNewest);
  kind.addEventListener('change', showNewest);
  side.addEventListener('change', showNewest);
  pauseButton.addEventListener('click', togglePause);
  element('clear', HTMLButtonElement).addEventListener('click', () => {
    log.clear();
    room = ROWS;
    if (pause) {
      pause = { entries: [], last: log.next - 1 };
    }
    schedule();
  });
  element('export', HTMLButtonElement).addEventListener('click', download);
  scroller.addEventListener('scroll', () => {
    sticks = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 24;
    newest.hidden = sticks;
  });
  earlier.addEventListener('click', () => {
    room += ROWS;
    sticks = false;
    schedule();
  });
  newest.addEventListener('click', showNewest);
  schedule();

  /** @param {Entry} entry */
  function note(entry) {
    if (entry.reply || entry.skipped > 0) {
      changed.add(entry);
    }
    if (changed.size > 2 * log.limit) {
      // Nothing is drawn while the tab is hidden.
      for (const old of changed) {
        if (!log.entries.has(old.number)) {
          changed.delete(old);
        }
      }
    }
    schedule(SOON);
  }

  return {
    /** @param {import('./message_log.js').Side} from @param {Record<string, any>} message */
    record(from, message) {
      note(log.take(from, message, Date.now()));
    },

    /** So many messages did not reach the host.
     * @param {number} count */
    lost(count) {
      note(log.skip(count, Date.now()));
    },
  };
}
