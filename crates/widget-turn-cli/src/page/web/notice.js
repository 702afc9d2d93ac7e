// One line above the widget that says what went wrong, and what can be done.

import { element } from './element.js';

export function createNotice() {
  const text = element('notice-text', HTMLElement);
  const button = element('notice-action', HTMLButtonElement);
  /** @type {() => void} */
  let act = () => {};
  button.addEventListener('click', () => act());

  return {
    /** @param {string} words @param {string} label the button's @param {() => void} action what the button does */
    show(words, label, action) {
      // The place is a live region: the same words again would be read again.
      if (text.textContent !== words) {
        text.textContent = words;
      }
      button.textContent = label;
      button.hidden = false;
      act = action;
    },

    hide() {
      text.textContent = '';
      button.hidden = true;
    },
  };
}
