// On a narrow screen either the widget or the messages; on a wide one both.

import { element } from './element.js';

export function createViews() {
  const buttons = { widget: element('view-widget', HTMLElement), messages: element('view-messages', HTMLElement) };

  /** @param {'widget' | 'messages'} view */
  function choose(view) {
    document.body.dataset.view = view;
    buttons.widget.ariaPressed = String(view === 'widget');
    buttons.messages.ariaPressed = String(view === 'messages');
  }

  buttons.widget.addEventListener('click', () => choose('widget'));
  buttons.messages.addEventListener('click', () => choose('messages'));
}
