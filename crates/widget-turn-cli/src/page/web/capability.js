// The capabilities that a widget asks for, in the groups in which a person decides on them.

const TURN = new Set(['town.robin.msc3846.turn_servers', 'm.turn_servers']);

/** Whether it is the capability of MSC3846, by its unstable or its stable name.
 * @param {unknown} capability */
export function isTurn(capability) {
  return typeof capability === 'string' && TURN.has(capability);
}

/** @typedef {'turn' | 'read' | 'send' | 'devices' | 'other'} GroupName */

/** @typedef {object} Capability
 * @property {string} name as the widget wrote it
 * @property {string} shown the name, harmless to show
 * @property {GroupName} group
 * @property {string | null} words what it lets a widget do; `null` where that is not known */

/** @type {[GroupName, string][]} */
const GROUPS = [
  ['turn', 'Relay servers (TURN)'],
  ['read', 'Read in this room'],
  ['send', 'Send in this room, as you'],
  ['devices', 'Messages between devices'],
  ['other', 'Other'],
];

/** The groups that have any capability, in the order in which they are shown.
 * @param {Capability[]} capabilities */
export function grouped(capabilities) {
  return GROUPS.map(([name, title]) => ({
    name,
    title,
    capabilities: capabilities.filter(({ group }) => group === name),
  })).filter((group) => group.capabilities.length > 0);
}
