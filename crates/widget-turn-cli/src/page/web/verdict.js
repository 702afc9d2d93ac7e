// What two tries of the same TURN URI say in words, and whether they say the same.

import { latency } from './format.js';

/** @typedef {{ outcome: string, name: string, detail: string | null, advice: string | null }} Step
 * @typedef {{ relays: boolean, address: string, steps: Step[], round_trip: { rtt_ms: { median: number } | null } | null }} Address
 * @typedef {{ uri: string, outcome: string, steps: Step[], addresses: Address[] }} Server */

/** What widget-turn found, a line each. An answer of the report, which has no password in it.
 * @param {Server} server */
export function ours(server) {
  const works = server.addresses.some((address) => address.relays);
  /** @type {string[]} */
  const lines = [];
  for (const { relays, address, steps, round_trip: trip } of server.addresses) {
    const rtt = trip?.rtt_ms;
    lines.push(relays ? `${address} relays${rtt ? `, ${rtt.median} ms` : ''}` : `${address} does not relay`);
    lines.push(...told(steps));
  }
  lines.push(...told(server.steps));
  return { works, lines: lines.length > 0 ? lines : [server.outcome] };
}

/** @param {Step[]} steps */
function told(steps) {
  const notable = steps.filter(({ outcome }) => outcome === 'failed' || outcome === 'warning');
  return notable.map(({ name, detail, advice }) =>
    [`${name.replaceAll('_', ' ')}: ${detail ?? 'failed'}.`, advice].filter(Boolean).join(' '),
  );
}

/** What the browser found, a line each.
 * @param {import('./gather.js').Gathered} gathered */
export function browsers({ candidates, errors, timely }) {
  const lines = candidates.map(({ address, protocol, ms }) => `relay candidate ${address} (${protocol}) after ${latency(ms)}`);
  if (candidates.length === 0) {
    lines.push(timely ? 'no relay candidate' : 'no relay candidate in time');
  }
  lines.push(...errors.map((error) => `error ${error}`));
  return { works: candidates.length > 0, lines };
}
