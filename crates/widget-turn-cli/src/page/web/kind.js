// What a message of the widget API is about.

/** @typedef {'turn' | 'events' | 'devices' | 'handshake' | 'other'} Kind */

/** @type {Map<string, Kind>} */
const KINDS = new Map([
  ['watch_turn_servers', 'turn'],
  ['unwatch_turn_servers', 'turn'],
  ['update_turn_servers', 'turn'],
  ['send_event', 'events'],
  ['update_state', 'events'],
  ['m.sticker', 'events'],
  ['org.matrix.msc2876.read_events', 'events'],
  ['org.matrix.msc3869.read_relations', 'events'],
  ['org.matrix.msc4157.update_delayed_event', 'events'],
  ['com.beeper.read_room_account_data', 'events'],
  ['send_to_device', 'devices'],
  ['supported_api_versions', 'handshake'],
  ['content_loaded', 'handshake'],
  ['capabilities', 'handshake'],
  ['notify_capabilities', 'handshake'],
  ['org.matrix.msc2974.request_capabilities', 'handshake'],
  ['widget_config', 'handshake'],
]);

/** @param {string} action
 * @returns {Kind} */
export function kindOf(action) {
  return KINDS.get(action) ?? 'other';
}

/** Whether an error says that the other side does not know the action, rather than that it failed. There is no code for
 * it: these are the words of matrix-sdk's driver, of the layer's handshake and of npm's matrix-widget-api.
 * @param {string} action @param {string} error the error's message */
export function isUnsupported(action, error) {
  return error.startsWith(`unknown variant \`${action}\``) || /^unknown or unsupported .*action/i.test(error);
}
