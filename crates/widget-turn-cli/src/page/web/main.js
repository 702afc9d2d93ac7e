// The page: a widget in its iframe, the socket to the host behind it, and between them the inspector.

import { createBridge } from './bridge.js';
import { Conversation } from './conversation.js';
import { createLifeBar } from './credentials.js';
import { element } from './element.js';
import { span } from './format.js';
import { createInspector } from './inspector.js';
import { createNotice } from './notice.js';
import { createPermission } from './permission.js';
import { connect } from './socket.js';
import { createViews } from './views.js';

/** @typedef {{ widget_url: string, widget_id: string, widget_name: string, account: string }} Hello */

const connection = element('connection', HTMLElement);
const reload = element('reload', HTMLButtonElement);
const handshakeState = element('handshake-state', HTMLElement);
const watchState = element('watch-state', HTMLElement);
const conversation = new Conversation();
const inspector = createInspector();
const lifeBar = createLifeBar();
const notice = createNotice();

/** @type {Hello | undefined} */
let widget;

const permission = createPermission((id, decision) => {
  socket.sendControl({ type: 'decision', id, decision });
  if (decision === 'deny') {
    notice.show('You denied the widget what it asked for. It can ask again when it is loaded anew.', 'Ask again', loadWidget);
  }
  showProgress();
});

const bridge = createBridge(element('widget-place', HTMLElement), {
  onMessage(text, message) {
    if (socket.sendWidget(text)) {
      record('widget', message);
    } else if (connection.dataset.state === 'connected') {
      notice.show('The widget says more than its host can take in: messages were lost.', 'Reload widget', loadWidget);
    }
  },
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
      `The connection to widget-turn is lost; the widget gets no answers. Trying again in ${span(Math.ceil(delay / 1000))}.${advice}`,
      'Try now',
      () => socket.retry(),
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
  document.title = `${hello.widget_name} – widget-turn`;
  permission.introduce({ name: hello.widget_name, account: hello.account });
  showConnection('connected');
  lifeBar.reset();
  reload.disabled = false;
  loadWidget();
}

function loadWidget() {
  if (!widget) {
    return;
  }
  notice.hide();
  conversation.reset();
  showProgress();
  bridge.load(widget.widget_url, widget.widget_id, widget.widget_name);
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
