// When a widget asked for TURN servers and when it had them, by the clock of its page.

/** Notes the times, in ms since the page began, of the first watch and the first update, and why a watch was refused.
 * @param {import("matrix-widget-api").WidgetApi} api */
export function marks(api) {
  const noted = { watch: null, update: null, refused: null };
  const send = api.transport.send.bind(api.transport);
  api.transport.send = async (action, data) => {
    if (action !== "watch_turn_servers") {
      return send(action, data);
    }
    noted.watch ??= performance.now();
    try {
      return await send(action, data);
    } catch (error) {
      // js-sdk makes an error of its own of what a homeserver answered.
      noted.refused = { message: error.message, status: error.httpStatus ?? null, errcode: error.errcode ?? null };
      throw error;
    }
  };
  window.addEventListener("message", ({ data }) => {
    if (data?.action === "update_turn_servers" && data.api === "toWidget") {
      noted.update ??= performance.now();
    }
  });
  return noted;
}
