// Times and sizes in words.

/** A span of time with at most two units; short ones in seconds, as lifetimes of credentials are given in them.
 * @param {number} seconds */
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 180) {
    return `${whole} s`;
  }
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  /** @param {number} big @param {string} bigUnit @param {number} small @param {string} smallUnit */
  const both = (big, bigUnit, small, smallUnit) =>
    small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
  if (days > 0) {
    return both(days, 'd', hours, 'h');
  }
  return hours > 0 ? both(hours, 'h', minutes, 'min') : both(minutes, 'min', whole % 60, 's');
}

/** What is left of a lifetime.
 * @param {number} left @param {number} lifetime both in seconds */
export function life(left, lifetime) {
  return `${span(left)} of ${span(lifetime)} left`;
}

/** How long an answer took.
 * @param {number} milliseconds */
export function latency(milliseconds) {
  if (milliseconds < 1000) {
    return `${Math.round(milliseconds)} ms`;
  }
  return milliseconds < 100_000 ? `${(milliseconds / 1000).toFixed(1)} s` : span(milliseconds / 1000);
}

/** The time of day to the millisecond.
 * @param {number} at milliseconds since 1970 */
export function clock(at) {
  const date = new Date(at);
  /** @param {number} number @param {number} [digits] */
  const padded = (number, digits = 2) => String(number).padStart(digits, '0');
  return (
    `${padded(date.getHours())}:${padded(date.getMinutes())}:${padded(date.getSeconds())}` +
    `.${padded(date.getMilliseconds(), 3)}`
  );
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
