import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browsers, ours } from '../../crates/widget-turn-cli/src/page/web/verdict.js';

const step = (name, outcome, detail, advice) => ({ name, outcome, detail, advice });
const uri = 'turn:127.0.0.1:3478';

test('an address that relays is told with its round trip, and what somebody should look at', () => {
  const steps = [step('allocate', 'ok', null, null), step('tls', 'warning', 'the certificate expires in 3 days', 'Renew it.')];
  const address = { address: '127.0.0.1:3478', relays: true, steps, round_trip: { rtt_ms: { median: 0.4 } } };
  assert.deepEqual(ours({ uri, outcome: 'warning', steps: [], addresses: [address] }), {
    works: true,
    lines: ['127.0.0.1:3478 relays, 0.4 ms', 'tls: the certificate expires in 3 days. Renew it.'],
  });
});

test('a server that does not relay is told with why', () => {
  const steps = [step('round_trip', 'failed', 'refused with 486', null)];
  const address = { address: '127.0.0.1:3478', relays: false, steps, round_trip: null };
  assert.deepEqual(ours({ uri, outcome: 'failed', steps: [], addresses: [address] }), {
    works: false,
    lines: ['127.0.0.1:3478 does not relay', 'round trip: refused with 486.'],
  });
  assert.deepEqual(ours({ uri, outcome: 'skipped', steps: [], addresses: [] }), { works: false, lines: ['skipped'] });
});

test('the browser works if it has a relay candidate, whatever else it met', () => {
  const candidates = [{ address: '127.0.0.1:50000', protocol: 'udp', ms: 12.3 }];
  assert.deepEqual(browsers({ candidates, errors: ['701 timed out'], timely: true }), {
    works: true,
    lines: ['relay candidate 127.0.0.1:50000 (udp) after 12 ms', 'error 701 timed out'],
  });
  assert.deepEqual(browsers({ candidates: [], errors: ['401 Unauthorized'], timely: true }), {
    works: false,
    lines: ['no relay candidate', 'error 401 Unauthorized'],
  });
  assert.deepEqual(browsers({ candidates: [], errors: [], timely: false }).lines, ['no relay candidate in time']);
});
