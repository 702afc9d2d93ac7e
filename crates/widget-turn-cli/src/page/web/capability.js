// The names of capabilities, in words.

const TURN = new Set(['town.robin.msc3846.turn_servers', 'm.turn_servers']);

/** Whether it is the capability of MSC3846, by its unstable or its stable name.
 * @param {unknown} capability */
export function isTurn(capability) {
  return typeof capability === 'string' && TURN.has(capability);
}

/** @type {[RegExp, (match: RegExpMatchArray) => string][]} */
const WORDS = [
  [/^org\.matrix\.msc2762\.timeline:\*$/, () => 'act in every room that you are in'],
  [/^org\.matrix\.msc2762\.timeline:(.+)$/, ([, room]) => `act in the room ${room}`],
  [/^org\.matrix\.msc2762\.send\.event:(.+)$/, ([, type]) => `send ${type} events as you`],
  [/^org\.matrix\.msc2762\.receive\.event:(.+)$/, ([, type]) => `read ${type} events`],
  [/^org\.matrix\.msc2762\.send\.state_event:(.+)$/, ([, type]) => `change the room's state ${type}`],
  [/^org\.matrix\.msc2762\.receive\.state_event:(.+)$/, ([, type]) => `read the room's state ${type}`],
  [/^org\.matrix\.msc3819\.send\.to_device:(.+)$/, ([, type]) => `send ${type} to people's devices as you`],
  [/^org\.matrix\.msc3819\.receive\.to_device:(.+)$/, ([, type]) => `receive ${type} that is sent to your device`],
  [/^m\.always_on_screen$/, () => 'stay on screen while you look elsewhere'],
];

/** What a capability lets a widget do; the name itself where it is not known.
 * @param {string} capability */
export function inWords(capability) {
  for (const [pattern, words] of WORDS) {
    const match = capability.match(pattern);
    if (match) {
      return words(match);
    }
  }
  return capability;
}
