// How much may pass.

export class Meter {
  /** Lets a burst through, and after it so many a second.
   * @param {number} burst @param {number} perSecond @param {() => number} [now] milliseconds that never go back */
  constructor(burst, perSecond, now = () => performance.now()) {
    this.burst = burst;
    this.perSecond = perSecond;
    this.now = now;
    this.left = burst;
    this.at = now();
  }

  /** Whether one more may pass, which it then does. */
  take() {
    const now = this.now();
    this.left = Math.min(this.burst, this.left + ((now - this.at) / 1000) * this.perSecond);
    this.at = now;
    if (this.left < 1) {
      return false;
    }
    this.left -= 1;
    return true;
  }
}
