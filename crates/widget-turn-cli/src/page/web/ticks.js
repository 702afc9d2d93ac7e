// Checkboxes for what a widget asks for, one box for each group of them and one for all.

import { grouped } from './capability.js';

/** @typedef {import('./capability.js').Capability} Capability */

/** What a capability is, in words and by its name.
 * @param {Capability} capability
 * @returns {Node[]} */
export function described({ words, shown }) {
  const name = document.createElement('code');
  name.textContent = shown;
  // What others wrote does not reorder what stands beside it.
  name.dir = 'ltr';
  if (words === null) {
    return [name];
  }
  const text = document.createElement('span');
  text.className = 'words';
  text.textContent = words;
  return [text, name];
}

/** @param {HTMLElement} place for the groups @param {HTMLInputElement} all @param {() => void} onChange */
export function createTicks(place, all, onChange) {
  /** The box of each capability. @type {Map<HTMLInputElement, Capability>} */
  let boxes = new Map();
  /** The box of each group, and those in it. @type {Map<HTMLInputElement, HTMLInputElement[]>} */
  let groups = new Map();

  /** @param {string} testId */
  function box(testId) {
    const input = document.createElement('input');
    input.type = 'checkbox';
    input.dataset.testid = testId;
    return input;
  }

  /** @param {Capability} capability */
  function row(capability) {
    const input = box('permission-capability');
    input.dataset.capability = capability.name;
    boxes.set(input, capability);
    const label = document.createElement('label');
    label.className = 'capability';
    const what = document.createElement('span');
    what.append(...described(capability));
    label.append(input, what);
    return { input, label };
  }

  /** @param {ReturnType<typeof grouped>[number]} group */
  function fieldset({ name, title, capabilities }) {
    const set = document.createElement('fieldset');
    set.dataset.group = name;
    const legend = document.createElement('legend');
    const rows = capabilities.map(row);
    if (rows.length > 1) {
      const whole = box('permission-group');
      groups.set(whole, rows.map(({ input }) => input));
      const label = document.createElement('label');
      label.append(whole, title);
      legend.append(label);
    } else {
      legend.textContent = title;
    }
    set.append(legend, ...rows.map(({ label }) => label));
    return set;
  }

  /** @param {HTMLInputElement} whole @param {HTMLInputElement[]} parts */
  function sum(whole, parts) {
    const ticked = parts.filter((part) => part.checked).length;
    whole.checked = ticked === parts.length;
    whole.indeterminate = ticked > 0 && ticked < parts.length;
  }

  function sums() {
    for (const [whole, parts] of groups) {
      sum(whole, parts);
    }
    sum(all, [...boxes.keys()]);
    onChange();
  }

  /** @param {Iterable<HTMLInputElement>} parts @param {boolean} checked */
  function tick(parts, checked) {
    for (const part of parts) {
      part.checked = checked;
    }
  }

  place.addEventListener('change', ({ target }) => {
    if (target instanceof HTMLInputElement) {
      tick(groups.get(target) ?? [], target.checked);
      sums();
    }
  });
  all.addEventListener('change', () => {
    tick(boxes.keys(), all.checked);
    sums();
  });

  return {
    /** Shows what there is to decide on. TURN alone is ticked, for the question says what it is; nothing else is, so that
     * whoever answers without reading grants nothing.
     * @param {Capability[]} capabilities */
    show(capabilities) {
      boxes = new Map();
      groups = new Map();
      place.replaceChildren(...grouped(capabilities).map(fieldset));
      tick(boxes.keys(), capabilities.length === 1 && capabilities[0]?.group === 'turn');
      sums();
    },

    /** The names of what is ticked. */
    ticked: () => [...boxes].filter(([input]) => input.checked).map(([, { name }]) => name),
  };
}
