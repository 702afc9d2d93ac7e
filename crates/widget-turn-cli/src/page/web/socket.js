// The socket to widget-turn, opened again whenever it is lost.
//
// Text frames: `w` and a message of the widget's as JSON, or `c` and a control object.

/** widget-turn takes frames up to 64 MiB, and what waits to be sent is held in memory. */
const LIMIT = 64 * 1024 * 1024;
const FIRST_DELAY = 500;
const LONGEST_DELAY = 10_000;

/** @typedef {object} Events
 * @property {(text: string) => void} onWidget the host's word for the widget
 * @property {(control: any) => void} onControl
 * @property {(attempt: number, delay: number) => void} onLost will be tried again after `delay` milliseconds
 * @property {() => void} onTry is being tried again */

/** @param {URL} url @param {Events} events */
export function connect(url, events) {
  /** @type {WebSocket} */
  let socket;
  let attempt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function open() {
    clearTimeout(timer);
    timer = undefined;
    socket = new WebSocket(url);
    socket.onmessage = ({ data }) => {
      attempt = 0;
      if (data[0] === 'w') {
        events.onWidget(data.slice(1));
      } else if (data[0] === 'c') {
        events.onControl(JSON.parse(data.slice(1)));
      }
    };
    socket.onclose = () => {
      const delay = Math.min(FIRST_DELAY * 2 ** attempt, LONGEST_DELAY);
      attempt += 1;
      timer = setTimeout(retry, delay);
      events.onLost(attempt, delay);
    };
  }

  function retry() {
    if (timer !== undefined) {
      open();
      events.onTry();
    }
  }

  /** @param {string} frame */
  function send(frame) {
    if (socket.readyState !== WebSocket.OPEN) {
      return false;
    }
    socket.send(frame);
    return true;
  }

  /** @param {string} frame */
  function fits(frame) {
    const size = frame.length * 3 <= LIMIT ? frame.length : new Blob([frame]).size;
    return size <= LIMIT && socket.bufferedAmount <= LIMIT;
  }

  open();
  return {
    /** Passes the widget's word on. `false` if it was lost: no connection, too big, or far more than the host can read.
     * @param {string} text */
    sendWidget(text) {
      const frame = `w${text}`;
      return fits(frame) && send(frame);
    },
    /** Small, and the person's: a widget that fills the queue does not keep an answer from the host.
     * @param {object} object */
    sendControl: (object) => send(`c${JSON.stringify(object)}`),
    /** Tries again now, if it is waiting to. */
    retry,
  };
}
