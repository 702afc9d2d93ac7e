// Takes secrets out of a message, and whatever would make it too big to show.

/** Stands for a secret. */
export const MASK = '••••••';

/** Characters of one message that are kept; more is of no use on a screen. */
const KEPT = 16384;
const DEEPEST = 40;

const SECRET =
  '(?:password|passphrase|passwd|credentials?|tokens?|secrets?|authorization|cookie|jwt|' +
  '(?:api|private|session|recovery)[^a-z"]?key)';

const SECRET_NAME = new RegExp(`(?:${SECRET}|^(?:pass|pwd|pw)|delay_id)$`, 'i');

/** Types of events whose content is keys, and the names under which the widget API carries content. */
const KEY_EVENT = /(?:encryption_keys|room_key|secret\.send)$/;
const CONTENT = new Set(['content', 'messages']);
const IN_QUERY = new RegExp(`(^|[^\\w.-])([\\w.-]*${SECRET}=)[^&#;\\s"]+`, 'gi');
const IN_JSON = new RegExp(`("[^"\\\\]*${SECRET}\\\\*"\\s*:\\s*\\\\*")[^"\\\\]+`, 'gi');
const BEARER = /\b(Bearer\s+)[\w.~+/=-]+/gi;
const IN_AUTHORITY = /(:\/\/[^\s/?#:@"]*:)[^\s/?#@"]+@/g;

/** @param {string} name */
function isSecret(name) {
  return SECRET_NAME.test(name);
}

/** A text without the secrets that stand in URLs, headers and JSON inside it.
 * @param {string} text */
export function maskText(text) {
  return text
    .replace(IN_QUERY, `$1$2${MASK}`)
    .replace(IN_JSON, `$1${MASK}`)
    .replace(BEARER, `$1${MASK}`)
    .replace(IN_AUTHORITY, `$1${MASK}@`);
}

/** A copy of a JSON value with every secret masked, at any depth, and with a note wherever something was left out.
 * @param {unknown} value
 * @returns {unknown} */
export function mask(value) {
  let left = KEPT;

  /** @param {unknown} part @param {number} depth @returns {unknown} */
  function copy(part, depth) {
    left -= 2;
    if (typeof part === 'string') {
      const room = Math.max(left, 0);
      left -= part.length;
      const shown = maskText(part.slice(0, room));
      return part.length > room ? `${shown}… (${part.length} characters in all)` : shown;
    }
    if (part === null || typeof part !== 'object') {
      left -= 4;
      return part;
    }
    if (depth > DEEPEST) {
      return '… (too deep to show)';
    }
    return Array.isArray(part) ? copyArray(part, depth) : copyObject(part, depth);
  }

  /** @param {unknown[]} part @param {number} depth */
  function copyArray(part, depth) {
    const items = [];
    for (const item of part) {
      if (left <= 0) {
        items.push(`… (${part.length - items.length} more)`);
        break;
      }
      items.push(copy(item, depth + 1));
    }
    return items;
  }

  /** @param {object} part @param {number} depth */
  function copyObject(part, depth) {
    /** @type {[string, unknown][]} */
    const entries = [];
    const names = Object.keys(part);
    const { type, kty } = /** @type {any} */ (part);
    const holdsKeys = typeof type === 'string' && KEY_EVENT.test(type);
    for (const name of names) {
      if (left <= 0) {
        entries.push(['…', `${names.length - entries.length} more`]);
        break;
      }
      const shown = name.length > 200 ? `${name.slice(0, 200)}…` : name;
      left -= shown.length + 4;
      const item = /** @type {Record<string, unknown>} */ (part)[name];
      // `kty` is that of a JSON Web Key, as those of encrypted files are.
      const isHidden = isSecret(name) || (holdsKeys && CONTENT.has(name)) || (kty !== undefined && name === 'k');
      entries.push([shown, isHidden ? MASK : copy(item, depth + 1)]);
    }
    // Not `object[name] = …`: the name may be `__proto__`.
    return Object.fromEntries(entries);
  }

  return copy(value, 0);
}
