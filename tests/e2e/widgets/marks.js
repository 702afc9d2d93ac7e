// When a widget asked for TURN servers and when it had them, by the clock of its page.

/** Notes the times, in ms since the page began, of the first watch and the first update.
 * @param {import("matrix-widget-api").WidgetApi} api */
export function marks(api) {
  const noted = { watch: null, update: null };
  const send = api.transport.send.bind(api.transport);
  api.transport.send = (action, data) => {
    if (action === "watch_turn_servers") {
      noted.watch ??= performance.now();
    }
    return send(action, data);
  };
  window.addEventListener("message", ({ data }) => {
    if (data?.action === "update_turn_servers" && data.api === "toWidget") {
      noted.update ??= performance.now();
    }
  });
  return noted;
}
