import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MASK, mask, maskText } from '../../crates/widget-turn-cli/src/page/web/mask.js';

test('passwords, tokens and credentials are masked at any depth', () => {
  const message = {
    data: { uris: ['turn:127.0.0.1:3478'], username: '1:@alice:example.org', password: 'hidden' },
    list: [{ inner: { access_token: 'hidden', refreshToken: 'hidden', credential: { any: 'hidden' } } }],
    Authorization: 'hidden',
    client_secret: 'hidden',
    pwd: 'hidden',
    'private-key': 'hidden',
    session_key: 'hidden',
    tokens: ['hidden'],
  };
  const shown = JSON.stringify(mask(message));
  assert.ok(!shown.includes('hidden'), shown);
  assert.ok(shown.includes('1:@alice:example.org'));
  assert.ok(shown.includes('turn:127.0.0.1:3478'));
});

test('the tokens and keys that pass through a widget are masked', () => {
  for (const message of [
    { action: 'get_openid', response: { state: 'allowed', access_token: 'hidden', expires_in: 3600, token_type: 'Bearer' } },
    { action: 'openid_credentials', data: { state: 'allowed', access_token: 'hidden', matrix_server_name: 'example.org' } },
    { action: 'send_event', data: { type: 'io.element.call.encryption_keys', content: { keys: [{ index: 0, key: 'hidden' }] } } },
    { action: 'send_to_device', data: { type: 'm.room_key', messages: { '@a:b': { D: { session: 'hidden' } } } } },
    { action: 'send_event', data: { type: 'm.room.message', content: { file: { key: { kty: 'oct', k: 'hidden' } } } } },
    { action: 'send_event', response: { delay_id: 'hidden' } },
  ]) {
    const shown = JSON.stringify(mask(message));
    assert.ok(!shown.includes('hidden') && shown.includes(message.action), shown);
  }
});

test('what only sounds like a secret stays readable', () => {
  const message = { key: '👍', state_key: '@alice:example.org', tokenizer: 'a', passengers: 3, requestId: '1', type: 'm.room.member' };
  assert.deepEqual(mask(message), message);
});

test('secrets inside texts are masked', () => {
  for (const text of [
    'https://example.org/?access_token=hidden&a=1',
    'GET /sync?a=1&access_token=hidden',
    'Authorization: Bearer hidden',
    'https://alice:hidden@example.org/',
    '{"username":"alice","password":"hidden"}',
    '{\\"password\\":\\"hidden\\"}',
    '{"password" : "hidden',
  ]) {
    assert.ok(!maskText(text).includes('hidden'), maskText(text));
    assert.ok(!JSON.stringify(mask({ text })).includes('hidden'));
  }
});

test('the message that is masked is left as it was', () => {
  const message = { data: { password: 'kept' } };
  mask(message);
  assert.equal(message.data.password, 'kept');
});

test('a secret that is no text is masked too', () => {
  assert.deepEqual(mask({ token: 1, secret: null, password: { a: 1 } }), { token: MASK, secret: MASK, password: MASK });
});

test('a long text is cut with a note', () => {
  const shown = /** @type {string} */ (mask('a'.repeat(1_000_000)));
  assert.ok(shown.length < 20_000);
  assert.match(shown, /\(1000000 characters in all\)$/);
});

test('wide, deep and long messages are cut to a size for the screen', () => {
  /** @type {any} */
  let deep = {};
  for (let depth = 0; depth < 5000; depth++) {
    deep = { deep };
  }
  const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`name${index}`, index]));
  const many = Array.from({ length: 100_000 }, () => ({ a: 'b'.repeat(50) }));
  for (const value of [deep, wide, many, { [`${'n'.repeat(100_000)}`]: 1 }]) {
    assert.ok(JSON.stringify(mask(value)).length < 60_000);
  }
  assert.match(JSON.stringify(mask(many)), /… \(\d+ more\)/);
});

test('a cut text shows no part of a secret', () => {
  const text = `${'a'.repeat(16_300)} https://example.org/?access_token=${'hidden'.repeat(100)}`;
  assert.ok(!JSON.stringify(mask({ text })).includes('hidden'));
});

test('names of JavaScript objects are names like any other', () => {
  const shown = mask(JSON.parse('{"__proto__":{"password":"hidden"},"constructor":1}'));
  assert.equal(JSON.stringify(shown), `{"__proto__":{"password":"${MASK}"},"constructor":1}`);
});

test('plain values are kept', () => {
  for (const value of [null, true, 0, -1.5, '', 'é', [], {}, [null, [1]]]) {
    assert.deepEqual(mask(value), value);
  }
});
