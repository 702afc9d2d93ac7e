// What the host filled into the widget's address.

const query = new URLSearchParams(location.search);

/** A parameter that must be there, with its template filled in. */
function filled(name) {
  const value = query.get(name);
  if (!value || value.startsWith("$")) {
    throw new Error(`the host filled in nothing for ${name}: ${value}`);
  }
  return value;
}

export const widgetId = filled("widgetId");
export const parentOrigin = new URL(filled("parentUrl")).origin;
export const roomId = filled("roomId");
export const userId = filled("userId");
export const deviceId = filled("deviceId");
/** Settings of the test. */
export const option = (name) => query.get(name);

/** What stands behind the address of a widget of this kind. */
export const client = { baseUrl: "http://127.0.0.1:9", userId, deviceId, timelineSupport: true };
