// The Widget API as the widget's side speaks it: requests with ids over `postMessage`, and their answers.

/** Peers give up after ten seconds as well. */
const ANSWER_WITHIN = 10_000;

const VERSIONS = ['0.0.1', '0.0.2', 'org.matrix.msc2871', 'town.robin.msc3846'];

/** @typedef {(data: any) => object} Action answers a request of the host's; what it throws becomes an error reply */

/** The host's refusal. */
export class Refused extends Error {}

/** @param {string} query the address's, with `widgetId` and `parentUrl`
 * @returns {{ widgetId: string, hostOrigin: string } | null} `null` if the page was not opened as a widget */
export function readQuery(query) {
  const parameters = new URLSearchParams(query);
  const widgetId = parameters.get('widgetId');
  const parentUrl = parameters.get('parentUrl');
  if (!widgetId || !parentUrl || !URL.canParse(parentUrl)) {
    return null;
  }
  const { origin, protocol } = new URL(parentUrl);
  return protocol === 'http:' || protocol === 'https:' ? { widgetId, hostOrigin: origin } : null;
}

/** Listens to the host and answers it.
 * @param {{ widgetId: string, hostOrigin: string }} names
 * @param {Record<string, Action>} actions what the host may ask, besides what every widget answers */
export function startWidgetApi({ widgetId, hostOrigin }, actions) {
  const host = window.parent;
  /** @type {Map<string, (response: any) => void>} */
  const waiting = new Map();
  let lastId = 0;

  /** @type {Map<string, Action>} */
  const known = new Map([
    ...Object.entries(actions),
    ['supported_api_versions', () => ({ supported_versions: VERSIONS })],
  ]);

  /** @param {object} message */
  function post(message) {
    host.postMessage(message, hostOrigin);
  }

  /** @param {any} request */
  function answer(request) {
    const action = known.get(request.action);
    /** @type {object} */
    let response;
    try {
      response = action ? action(request.data ?? {}) : { error: { message: `Unknown action: ${request.action}` } };
    } catch (error) {
      response = { error: { message: String(error) } };
    }
    post({ ...request, response });
  }

  window.addEventListener('message', ({ source, origin, data }) => {
    if (source !== host || origin !== hostOrigin || typeof data !== 'object' || data?.widgetId !== widgetId) {
      return;
    }
    if (data.api === 'toWidget' && !('response' in data)) {
      answer(data);
    } else if (data.api === 'fromWidget' && 'response' in data) {
      waiting.get(data.requestId)?.(data.response);
    }
  });

  return {
    /** Asks the host. Fails with `Refused` if the host answers with an error.
     * @param {string} action
     * @returns {Promise<any>} */
    request(action) {
      lastId += 1;
      const requestId = `demo-${Date.now()}-${lastId}`;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(requestId);
          reject(new Error(`the host did not answer ${action} within 10 s`));
        }, ANSWER_WITHIN);
        waiting.set(requestId, (response) => {
          clearTimeout(timer);
          waiting.delete(requestId);
          if (response?.error) {
            reject(new Refused(response.error.message ?? 'no reason given'));
          } else {
            resolve(response);
          }
        });
        post({ api: 'fromWidget', widgetId, requestId, action, data: {} });
      });
    },
  };
}
