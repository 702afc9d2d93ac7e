// A connection from this page to itself that can only go through a TURN server.

const CONNECT_WITHIN = 15_000;
const PING_EVERY = 2000;

/** @typedef {{ uris: string[], username: string, password: string }} TurnServers */

/** @typedef {object} Relay
 * @property {() => void} close
 * @property {number} setUp milliseconds from the start to the first round trip
 * @property {string} path the relay that carries it, as far as the browser tells */

/** Connects two peers through the relay and sends a message there and back, then again every two seconds.
 * @param {TurnServers} servers
 * @param {(milliseconds: number) => void} onRoundTrip
 * @param {(reason: string) => void} onLost it was connected, and is no more
 * @returns {Promise<Relay>} once the first message has come back; fails with the reason in words */
export async function openRelay({ uris, username, password }, onRoundTrip, onLost) {
  const started = performance.now();
  if (uris.length === 0) {
    throw new Error('the host has no TURN servers at present');
  }
  /** @type {RTCConfiguration} */
  const configuration = {
    iceServers: [{ urls: uris, username, credential: password }],
    iceTransportPolicy: 'relay',
  };
  const [near, far] = [new RTCPeerConnection(configuration), new RTCPeerConnection(configuration)];
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let pinging;
  let isClosed = false;

  function close() {
    isClosed = true;
    clearInterval(pinging);
    near.close();
    far.close();
  }

  try {
    const channel = near.createDataChannel('round trip');
    far.addEventListener('datachannel', ({ channel: back }) => {
      back.addEventListener('message', ({ data }) => back.send(data));
    });
    const open = opened(channel, near, far);
    await negotiate(near, far);
    await open;
    onRoundTrip(await roundTrip(channel));
    const setUp = performance.now() - started;
    pinging = setInterval(async () => {
      const took = await roundTrip(channel);
      if (!isClosed) {
        onRoundTrip(took);
      }
    }, PING_EVERY);
    for (const peer of [near, far]) {
      peer.addEventListener('connectionstatechange', () => {
        if (!isClosed && peer.connectionState === 'failed') {
          close();
          onLost('the connection through the relay broke off');
        }
      });
    }
    return { close, setUp, path: await pathOf(near) };
  } catch (error) {
    close();
    throw error;
  }
}

/** @param {RTCPeerConnection} near @param {RTCPeerConnection} far */
async function negotiate(near, far) {
  near.addEventListener('icecandidate', ({ candidate }) => candidate && far.addIceCandidate(candidate).catch(() => {}));
  far.addEventListener('icecandidate', ({ candidate }) => candidate && near.addIceCandidate(candidate).catch(() => {}));
  await near.setLocalDescription();
  await far.setRemoteDescription(/** @type {RTCSessionDescription} */ (near.localDescription));
  await far.setLocalDescription();
  await near.setRemoteDescription(/** @type {RTCSessionDescription} */ (far.localDescription));
}

/** Waits for the channel. Browsers never say that a relay refused the credentials: they find no candidate, and wait.
 * @param {RTCDataChannel} channel @param {RTCPeerConnection} near @param {RTCPeerConnection} far
 * @returns {Promise<void>} */
function opened(channel, near, far) {
  return new Promise((resolve, reject) => {
    /** @type {string[]} */
    const refusals = [];
    /** @param {string} reason */
    const fail = (reason) => reject(new Error(refusals.length > 0 ? refusals.join('; ') : reason));
    const timer = setTimeout(() => fail('no way through the relay within 15 s'), CONNECT_WITHIN);
    channel.addEventListener('open', () => resolve());
    for (const peer of [near, far]) {
      let found = 0;
      peer.addEventListener('icecandidateerror', (event) => {
        const { errorCode, errorText, url } = /** @type {RTCPeerConnectionIceErrorEvent} */ (event);
        const refusal = `${url} answered ${errorCode} ${errorText}`.trim();
        if (!refusals.includes(refusal)) {
          refusals.push(refusal);
        }
      });
      peer.addEventListener('icecandidate', ({ candidate }) => {
        found += candidate ? 1 : 0;
      });
      peer.addEventListener('icegatheringstatechange', () => {
        if (peer.iceGatheringState === 'complete' && found === 0) {
          fail('the relay gave no address');
        }
      });
      peer.addEventListener('connectionstatechange', () => {
        if (peer.connectionState === 'failed') {
          fail('no way through the relay');
        }
        if (['failed', 'closed'].includes(peer.connectionState)) {
          clearTimeout(timer);
        }
      });
    }
    channel.addEventListener('open', () => clearTimeout(timer));
  });
}

/** @param {RTCDataChannel} channel @returns {Promise<number>} milliseconds */
function roundTrip(channel) {
  const sent = performance.now();
  const word = String(sent);
  return new Promise((resolve) => {
    channel.addEventListener('message', function listen({ data }) {
      if (data === word) {
        channel.removeEventListener('message', listen);
        resolve(performance.now() - sent);
      }
    });
    if (channel.readyState === 'open') {
      channel.send(word);
    }
  });
}

/** @param {RTCPeerConnection} peer */
async function pathOf(peer) {
  /** @type {any[]} */
  const stats = [...(await peer.getStats()).values()];
  const transport = stats.find((stat) => stat.type === 'transport');
  const pair = stats.find((stat) => stat.id === transport?.selectedCandidatePairId || (stat.type === 'candidate-pair' && stat.selected));
  const local = stats.find((stat) => stat.id === pair?.localCandidateId);
  if (!local) {
    return '';
  }
  const address = local.address ? `${local.address}:${local.port}` : '';
  const transportToRelay = local.relayProtocol ? `over ${local.relayProtocol.toUpperCase()}` : '';
  return [address, transportToRelay].filter(Boolean).join(' ');
}
