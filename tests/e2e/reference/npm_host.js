// A host page on npm's ClientWidgetApi, with a driver on a real homeserver: what ours is held against.

import { ClientWidgetApi, Widget, WidgetDriver, runTemplate } from "matrix-widget-api";

class HomeserverDriver extends WidgetDriver {
  constructor({ homeserver, account, roomId, refresh }) {
    super();
    Object.assign(this, { homeserver, account, roomId, refresh });
  }

  async request(method, path, body) {
    const answer = await fetch(`${this.homeserver}/_matrix/client/v3/${path}`, {
      method,
      headers: { authorization: `Bearer ${this.account.token}` },
      body: body && JSON.stringify(body),
    });
    if (!answer.ok) {
      throw new Error(`${method} ${path}: ${answer.status}`);
    }
    return answer.json();
  }

  async validateCapabilities(requested) {
    return requested;
  }

  async sendEvent(type, content, stateKey) {
    const room = encodeURIComponent(this.roomId);
    const path =
      stateKey === null || stateKey === undefined
        ? `rooms/${room}/send/${encodeURIComponent(type)}/${crypto.randomUUID()}`
        : `rooms/${room}/state/${encodeURIComponent(type)}/${encodeURIComponent(stateKey)}`;
    const { event_id: eventId } = await this.request("PUT", path, content);
    return { roomId: this.roomId, eventId };
  }

  async sendToDevice(type, _encrypted, messages) {
    await this.request("PUT", `sendToDevice/${encodeURIComponent(type)}/${crypto.randomUUID()}`, { messages });
  }

  async readRoomState(_roomId, type, stateKey) {
    const state = await this.request("GET", `rooms/${encodeURIComponent(this.roomId)}/state`);
    return state.filter((event) => event.type === type && (stateKey === undefined || event.state_key === stateKey));
  }

  async *getTurnServers() {
    for (;;) {
      const { uris, username, password, ttl } = await this.request("GET", "voip/turnServer");
      if (!uris) {
        return;
      }
      yield { uris, username, password };
      // Without a refresh it waits for ever.
      await new Promise((resolve) => this.refresh && setTimeout(resolve, ttl * 800));
    }
  }

  /** Gives the widget what comes from the homeserver, from now on. */
  async follow(api) {
    const filter = JSON.stringify({ room: { rooms: [this.roomId] }, presence: { types: [] } });
    let since = this.since;
    for (;;) {
      const synced = await this.request("GET", `sync?timeout=30000&since=${since}&filter=${encodeURIComponent(filter)}`);
      since = synced.next_batch;
      const room = synced.rooms?.join?.[this.roomId];
      const events = [...(room?.state?.events ?? []), ...(room?.timeline?.events ?? [])];
      for (const event of events.map((event) => ({ ...event, room_id: this.roomId }))) {
        if (event.state_key !== undefined) {
          api.feedStateUpdate(event).catch(console.warn);
        }
        api.feedEvent(event).catch(console.warn);
      }
      for (const message of synced.to_device?.events ?? []) {
        api.feedToDevice(message, false).catch(console.warn);
      }
    }
  }
}

/** Shows the widget in a new iframe. */
window.host = async ({ homeserver, account, roomId, url, refresh = true }) => {
  const driver = new HomeserverDriver({ homeserver, account, roomId, refresh });
  driver.since = (await driver.request("GET", "sync?timeout=0")).next_batch;
  const definition = { id: "npm-host", creatorUserId: account.id, type: "m.custom", url, waitForIframeLoad: false };
  const widget = new Widget(definition);
  const filled = new URL(
    runTemplate(url, definition, { currentUserId: account.id, widgetRoomId: roomId, deviceId: account.device }),
  );
  filled.searchParams.set("widgetId", widget.id);
  filled.searchParams.set("parentUrl", location.origin);
  const frame = document.createElement("iframe");
  frame.dataset.testid = "widget-frame";
  frame.allow = "camera; microphone; autoplay";
  frame.width = "1000";
  frame.height = "600";
  frame.src = filled.href;
  document.body.append(frame);
  const api = new ClientWidgetApi(widget, frame, driver);
  api.setViewedRoomId(roomId);
  driver.follow(api).catch(console.warn);
};
