// The page: a widget in its iframe, the socket to the host behind it, and between them the inspector.

import { createBridge } from './bridge.js';
import { Conversation } from './conversation.js';
import { createLifeBar } from './credentials.js';
import { element } from './element.js';
import { counted, span } from './format.js';
import { createInspector } from './inspector.js';
import { createNotice } from './notice.js';
import { createPermission } from './permission.js';
import { createRelayTest } from './relay_test.js';
import { connect } from './socket.js';
import { createViews } from './views.js';

/** @typedef {object} Hello
 * @property {string} widget_url
 * @property {string} widget_id
 * @property {string} widget_name
 * @property {string} account
 * @property {{ id: string, name: string } | null} room */

const connection = element('connection', HTMLElement);
const reload = element('reload', HTMLButtonElement);
const handshakeState = element('handshake-state', HTMLElement);
const watchState = element('watch-state', HTMLElement);
const conversation = new Conversation();
const inspector = createInspector();
const lifeBar = createLifeBar();
const notice = createNotice();
const relayTest = createRelayTest(() => socket.sendControl({ type: 'test_relays' }));

/** @type {Hello | undefined} */
let widget;

const reloading = { label: 'Reload widget', act: loadWidget };
/** Messages of the widget that did not reach the host. */
let lost = 0;

const permission = createPermission((id, decision, capabilities) => {
  socket.sendControl({ type: 'decision', id, decision, capabilities });
  if (decision === 'deny') {
    const words = 'You denied the widget what it asked for. It can ask again when it is loaded anew.';
    notice.show('denied', words, { label: 'Ask again', act: loadWidget });
  }
  showProgress();
});

const bridge = createBridge(element('widget-place', HTMLElement), {
  onMessage(text, message) {
    if (socket.sendWidget(text)) {
      record('widget', message);
    } else if (connection.dataset.state === 'connected') {
      lose(1);
    }
  },
  onFlood: lose,
  onLoad() {
    socket.sendControl({ type: 'loaded' });
  },
});

const socketUrl = new URL('socket', window.location.href);
socketUrl.protocol = 'ws:';
const socket = connect(socketUrl, {
  onWidget(text) {
    const message = JSON.parse(text);
    bridge.post(message);
    record('host', message);
  },
  onControl(control) {
    switch (control.type) {
      case 'hello':
        begin(control);
        break;
      case 'ask_permission':
        permission.ask(control);
        showProgress();
        break;
      case 'withdraw_permission':
        permission.withdraw(control.id);
        showProgress();
        break;
      case 'credentials':
        lifeBar.renewed(control);
        break;
      case 'fetch':
        lifeBar.fetched(control);
        break;
      case 'relay_test':
        relayTest.show(control);
        break;
      case 'homeserver':
        showOutage(control.outage);
        break;
      case 'trouble':
        notice.show('trouble', control.message, { label: 'Dismiss', act: () => notice.hide('trouble') });
        break;
    }
  },
  onTry() {
    showConnection('connecting');
  },
  onLost(attempt, delay) {
    showConnection('disconnected');
    permission.withdrawAll();
    conversation.reset();
    showProgress();
    const advice = attempt > 3 ? ' Is it still running? After a new start it has a new address.' : '';
    notice.show(
      'connection',
      `The connection to widget-turn is lost; the widget gets no answers. Trying again in ${span(Math.ceil(delay / 1000))}.${advice}`,
      { label: 'Try now', act: () => socket.retry() },
    );
  },
});

/** A session has begun: the widget starts from nothing, as its host does.
 * @param {Hello} hello */
function begin(hello) {
  widget = hello;
  const { origin } = new URL(hello.widget_url);
  element('widget-name', HTMLElement).textContent = hello.widget_name;
  element('widget-origin', HTMLElement).textContent = origin;
  element('host-account', HTMLElement).textContent = hello.account;
  const room = element('host-room', HTMLElement);
  room.textContent = hello.room ? `in ${hello.room.name}` : '';
  room.title = hello.room?.id ?? '';
  document.title = `${hello.widget_name} – widget-turn`;
  permission.introduce({ name: hello.widget_name, account: hello.account, room: hello.room?.name ?? '' });
  showConnection('connected');
  for (const matter of ['connection', 'homeserver', 'trouble']) {
    notice.hide(matter);
  }
  lifeBar.reset();
  relayTest.reset();
  reload.disabled = false;
  loadWidget();
}

function loadWidget() {
  if (!widget) {
    return;
  }
  lost = 0;
  notice.hide('denied');
  notice.hide('lost');
  conversation.reset();
  showProgress();
  bridge.load(widget.widget_url, widget.widget_id, widget.widget_name);
}

/** @param {number} count */
function lose(count) {
  lost += count;
  const words = `The widget says more than its host can take in: ${counted(lost, 'message')} ${lost === 1 ? 'was' : 'were'} lost.`;
  notice.show('lost', words, reloading);
  inspector.lost(count);
}

/** @param {string | null} outage */
function showOutage(outage) {
  if (outage === null) {
    notice.hide('homeserver');
  } else {
    notice.show('homeserver', `The homeserver cannot be reached (${outage}). The widget goes on when it can.`);
  }
}

/** @param {import('./message_log.js').Side} from @param {Record<string, any>} message */
function record(from, message) {
  inspector.record(from, message);
  conversation.observe(from, message);
  showProgress();
}

function showProgress() {
  const handshake = permission.isOpen() ? 'waiting for you' : conversation.handshake;
  if (handshakeState.textContent !== handshake) {
    handshakeState.textContent = handshake;
    handshakeState.dataset.handshake = handshake;
  }
  if (watchState.textContent !== conversation.watch) {
    watchState.textContent = conversation.watch;
    watchState.dataset.watch = conversation.watch;
  }
}

/** @param {'connecting' | 'connected' | 'disconnected'} state */
function showConnection(state) {
  connection.textContent = state;
  connection.dataset.state = state;
  document.body.dataset.connection = state;
}

reload.addEventListener('click', loadWidget);
createViews();
