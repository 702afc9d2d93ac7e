// Lines above the widget that say what went wrong, and what can be done.

import { element } from './element.js';

export function createNotice() {
  const place = element('notice', HTMLElement);
  /** @type {Map<string, { line: HTMLElement, text: HTMLElement, button: HTMLButtonElement }>} */
  const lines = new Map();

  /** @param {string} matter */
  function add(matter) {
    const line = document.createElement('div');
    line.className = 'told';
    line.dataset.matter = matter;
    const text = document.createElement('p');
    const button = document.createElement('button');
    button.type = 'button';
    line.append(text, button);
    place.append(line);
    const parts = { line, text, button };
    lines.set(matter, parts);
    return parts;
  }

  /** @param {string} matter */
  function hide(matter) {
    lines.get(matter)?.line.remove();
    lines.delete(matter);
  }

  return {
    /** @param {string} matter what it is about: there is one line for each @param {string} words
     * @param {{ label: string, act: () => void }} [remedy] what a button does */
    show(matter, words, remedy) {
      const { text, button } = lines.get(matter) ?? add(matter);
      // The place is a live region: the same words again would be read again.
      if (text.textContent !== words) {
        text.textContent = words;
      }
      button.hidden = remedy === undefined;
      button.textContent = remedy?.label ?? '';
      button.onclick = remedy?.act ?? null;
    },

    hide,
  };
}
