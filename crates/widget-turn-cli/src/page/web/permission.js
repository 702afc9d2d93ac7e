// The question whether a widget may have what it asks for.

import { element } from './element.js';
import { counted } from './format.js';
import { createTicks, described } from './ticks.js';

/** A click or a key that was meant for the widget when the dialog came up grants nothing. */
const GUARD = 600;

/** Keys that answer or tick. The others may be held down, to scroll. */
const ANSWERS = new Set(['Enter', ' ', 'Escape']);

/** @typedef {import('./capability.js').Capability} Capability */
/** @typedef {'allow_once' | 'allow_always' | 'deny'} Decision */

/** @typedef {object} Question
 * @property {number} id
 * @property {string} origin
 * @property {Capability[]} capabilities what there is to decide on
 * @property {Capability[]} held what the widget has already
 * @property {Capability[]} unavailable what this host has not
 * @property {number} refused how many more it asks for, about which nobody is asked */

/** @param {string} name */
function isolated(name) {
  const place = document.createElement('bdi');
  place.textContent = name;
  return place;
}

/** @param {(id: number, decision: Decision, capabilities: string[]) => void} onDecision */
export function createPermission(onDecision) {
  const dialog = element('permission', HTMLDialogElement);
  const title = element('permission-title', HTMLElement);
  const body = element('permission-body', HTMLElement);
  const meaning = element('permission-turn', HTMLDetailsElement);
  const once = element('permission-allow-once', HTMLButtonElement);
  const always = element('permission-allow-always', HTMLButtonElement);
  const ticks = createTicks(element('permission-groups', HTMLElement), element('permission-all', HTMLInputElement), enable);

  /** The first one is the one that is shown. @type {Question[]} */
  let questions = [];
  let who = { name: '', account: '', room: '' };
  let isGuarded = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let guard;

  /** An answer that grants nothing is a denial, and has a button of its own. */
  function enable() {
    const disabled = isGuarded || ticks.ticked().length === 0;
    once.disabled = disabled;
    always.disabled = disabled;
    body.inert = isGuarded;
  }

  /** @param {Question} question */
  function show({ origin, capabilities, held, unavailable, refused }) {
    const asksForTurn = capabilities.some(({ group }) => group === 'turn');
    const single = capabilities.length === 1;
    title.textContent =
      single && asksForTurn ? 'Let this widget use your relay servers?' : 'Let this widget have what it asks for?';
    element('permission-origin', HTMLElement).textContent = origin;
    // Names may be written from right to left: the words around them are not.
    const room = who.room === '' ? [] : [' in the room ', isolated(who.room)];
    element('permission-who', HTMLElement).replaceChildren(
      isolated(who.name),
      ' asks for access through your account ',
      isolated(who.account),
      ...room,
      '.',
    );
    element('permission-all-label', HTMLElement).hidden = single;
    element('permission-all-text', HTMLElement).textContent = `Tick all ${capabilities.length}`;
    once.textContent = single && asksForTurn ? 'Allow once' : 'Allow ticked once';
    list('permission-held', held, `It already has ${counted(held.length, 'more thing')} that it asks for`);
    list('permission-unavailable', unavailable, `It also asks for ${counted(unavailable.length, 'thing')} that this host does not have`);
    const left = element('permission-refused', HTMLElement);
    left.hidden = refused === 0;
    left.textContent = `It asks for ${counted(refused, 'more thing')}, too many or too long to be asked about. They are refused.`;
    isGuarded = true;
    clearTimeout(guard);
    guard = setTimeout(() => {
      isGuarded = false;
      enable();
    }, GUARD);
    ticks.show(capabilities);
    meaning.hidden = !asksForTurn;
    meaning.open = single;
    body.querySelector('[data-group="turn"]')?.append(meaning);
    if (!dialog.open) {
      dialog.showModal();
    }
    // Not on a button: keys that are still meant for the widget must not answer.
    title.focus();
    body.scrollTop = 0;
  }

  /** What there is nothing to decide on, to be unfolded.
   * @param {string} id @param {Capability[]} capabilities @param {string} words */
  function list(id, capabilities, words) {
    const place = element(id, HTMLDetailsElement);
    const summary = document.createElement('summary');
    summary.textContent = words;
    const items = document.createElement('ul');
    items.append(
      ...capabilities.map((capability) => {
        const item = document.createElement('li');
        item.append(...described(capability));
        return item;
      }),
    );
    place.open = false;
    place.hidden = capabilities.length === 0;
    place.replaceChildren(summary, items);
  }

  function showNext() {
    const [next] = questions;
    if (next) {
      show(next);
    } else {
      dialog.close();
    }
  }

  /** @param {Decision} decision */
  function decide(decision) {
    const answered = questions.shift();
    if (answered) {
      onDecision(answered.id, decision, decision === 'deny' ? [] : ticks.ticked());
      showNext();
    }
  }

  once.addEventListener('click', () => decide('allow_once'));
  always.addEventListener('click', () => decide('allow_always'));
  element('permission-deny', HTMLButtonElement).addEventListener('click', () => decide('deny'));
  dialog.addEventListener('keydown', (event) => {
    if ((event.repeat && ANSWERS.has(event.key)) || (isGuarded && event.key === 'Escape')) {
      event.preventDefault();
    }
  });
  // Escape: who leaves the question has not said yes.
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault();
    if (!isGuarded) {
      decide('deny');
    }
  });
  // Browsers close a dialog without asking at a second Escape. The event comes late: the dialog may show the next question.
  dialog.addEventListener('close', () => {
    if (!dialog.open) {
      decide('deny');
    }
  });

  return {
    /** @param {{ name: string, account: string, room: string }} names the widget's, the account's, and the room's if any */
    introduce({ name, account, room }) {
      who = { name, account, room };
    },

    /** @param {Question} question */
    ask(question) {
      questions.push(question);
      if (questions.length === 1) {
        show(question);
      }
    },

    /** The question is void.
     * @param {number} id */
    withdraw(id) {
      const wasShown = questions[0]?.id === id;
      questions = questions.filter((question) => question.id !== id);
      if (wasShown) {
        showNext();
      }
    },

    /** Whether a question waits for its answer. */
    isOpen: () => questions.length > 0,

    /** All questions are void. */
    withdrawAll() {
      questions = [];
      dialog.close();
    },
  };
}
