// A clock that the script drives: timers fire when the script lets time pass, in their order, and what they set off
// is done before the next.

const realImmediate = setImmediate;

/** Lets everything run that waits for nothing: promises, and what they set off. */
export function rest() {
  return new Promise((resolve) => realImmediate(() => realImmediate(resolve)));
}

export class Clock {
  /** In milliseconds. */
  now = 0;
  #timers = new Map();
  #nextId = 1;

  /** Replaces the timers and the date that code without imports sees. */
  install() {
    const epoch = Date.UTC(2026, 0, 1);
    globalThis.setTimeout = (run, delay = 0, ...values) => this.#set(() => run(...values), Number(delay));
    globalThis.clearTimeout = (id) => void this.#timers.delete(id);
    globalThis.setInterval = globalThis.clearInterval = () => {
      throw new Error("no intervals here");
    };
    Date.now = () => epoch + this.now;
  }

  /** Forgets all timers: another host begins. */
  clear() {
    this.#timers.clear();
  }

  sleep(seconds) {
    return new Promise((resolve) => this.#set(resolve, seconds * 1000));
  }

  /** Goes on to the next timer, if it is due by `end`, and rests. Otherwise to `end`, and says so. */
  async step(end) {
    let next;
    for (const [id, timer] of this.#timers) {
      if (timer.due <= end && (next === undefined || timer.due < next[1].due)) {
        next = [id, timer];
      }
    }
    if (next === undefined) {
      this.now = Math.max(this.now, end);
      return false;
    }
    this.#timers.delete(next[0]);
    this.now = Math.max(this.now, next[1].due);
    next[1].run();
    await rest();
    return true;
  }

  #set(run, delay) {
    const id = this.#nextId++;
    this.#timers.set(id, { due: this.now + Math.max(delay, 0), run });
    return id;
  }
}
