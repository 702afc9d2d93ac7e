// A host page on npm's ClientWidgetApi, whose TURN servers and decisions are the test's.

import { ClientWidgetApi, Widget, WidgetDriver } from "matrix-widget-api";

/** What passed between the page and its widget, both ways. */
window.messages = [];

class TestDriver extends WidgetDriver {
  waiting = [];
  wake = () => {};

  constructor({ refused, failures }) {
    super();
    this.refused = refused;
    this.failures = failures;
  }

  async validateCapabilities(requested) {
    return new Set([...requested].filter((name) => !this.refused.includes(name)));
  }

  async *getTurnServers() {
    if (this.failures > 0) {
      // Element's driver does so while it has not fetched any yet.
      this.failures -= 1;
      return;
    }
    for (;;) {
      while (this.waiting.length > 0) {
        const username = this.waiting.shift();
        yield { uris: ["turn:127.0.0.1:3999?transport=udp"], username, password: "secret" };
      }
      await new Promise((resolve) => (this.wake = resolve));
    }
  }
}

/** Shows the widget in an iframe. `refused` are capabilities that are not granted, `failures` watches that fail. */
window.host = ({ url, waitForIframeLoad = false, refused = [], failures = 0 }) => {
  const driver = new TestDriver({ refused, failures });
  const widget = new Widget({ id: "npm-host", creatorUserId: "@a:b", type: "m.custom", url, waitForIframeLoad });
  const source = new URL(url);
  source.searchParams.set("widgetId", widget.id);
  source.searchParams.set("parentUrl", location.href);
  const frame = document.createElement("iframe");
  frame.dataset.testid = "widget-frame";
  frame.src = source.href;
  document.body.append(frame);
  window.addEventListener("message", ({ data }) => window.messages.push(data));
  new ClientWidgetApi(widget, frame, driver);
  /** The next credentials are there. */
  window.give = (username) => {
    driver.waiting.push(username);
    driver.wake();
  };
};
