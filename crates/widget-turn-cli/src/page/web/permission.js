// The question whether a widget may have what it asks for.

import { inWords, isTurn } from './capability.js';
import { element } from './element.js';

/** A click or a key that was meant for the widget when the dialog came up grants nothing. */
const GUARD = 600;

/** @typedef {'allow_once' | 'allow_always' | 'deny'} Decision */
/** @typedef {{ id: number, origin: string, capabilities: string[] }} Question */

/** @param {(id: number, decision: Decision) => void} onDecision */
export function createPermission(onDecision) {
  const dialog = element('permission', HTMLDialogElement);
  const title = element('permission-title', HTMLElement);
  const grants = [
    element('permission-allow-once', HTMLButtonElement),
    element('permission-allow-always', HTMLButtonElement),
  ];

  /** The first one is the one that is shown. @type {Question[]} */
  let questions = [];
  let who = { name: '', account: '' };
  let isGuarded = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let guard;

  /** @param {Question} question */
  function show({ origin, capabilities }) {
    const asksForTurn = capabilities.some(isTurn);
    const more = capabilities.filter((capability) => !isTurn(capability));
    title.textContent =
      more.length === 0 ? 'Let this widget use your relay servers?' : 'Let this widget have what it asks for?';
    element('permission-origin', HTMLElement).textContent = origin;
    element('permission-who', HTMLElement).textContent = asksForTurn
      ? `${who.name} asks for TURN access through your account ${who.account}.`
      : `${who.name} asks for more access through your account ${who.account}.`;
    element('permission-turn', HTMLElement).hidden = !asksForTurn;
    element('permission-more', HTMLElement).hidden = more.length === 0;
    element('permission-more-title', HTMLElement).textContent = asksForTurn ? 'It also asks to:' : 'It asks to:';
    element('permission-more-list', HTMLElement).replaceChildren(
      ...more.map((capability) => {
        const item = document.createElement('li');
        item.textContent = inWords(capability);
        item.title = capability;
        return item;
      }),
    );
    isGuarded = true;
    for (const grant of grants) {
      grant.disabled = true;
    }
    clearTimeout(guard);
    guard = setTimeout(() => {
      isGuarded = false;
      for (const grant of grants) {
        grant.disabled = false;
      }
    }, GUARD);
    if (!dialog.open) {
      dialog.showModal();
    }
    // Not on a button: keys that are still meant for the widget must not answer.
    title.focus();
    element('permission-body', HTMLElement).scrollTop = 0;
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
      onDecision(answered.id, decision);
      showNext();
    }
  }

  grants[0]?.addEventListener('click', () => decide('allow_once'));
  grants[1]?.addEventListener('click', () => decide('allow_always'));
  element('permission-deny', HTMLButtonElement).addEventListener('click', () => decide('deny'));
  dialog.addEventListener('keydown', (event) => {
    if (event.repeat || (isGuarded && event.key === 'Escape')) {
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
    /** @param {{ name: string, account: string }} names the widget's and the account's */
    introduce(names) {
      who = names;
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
