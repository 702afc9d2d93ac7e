// What the browser makes of one TURN URI: the relay candidates that it gathers, and the errors that it meets.

/** A browser that has found nothing by then finds nothing. */
const LIMIT = 10_000;

/** @typedef {object} Gathered
 * @property {{ address: string, protocol: string, ms: number }[]} candidates relays
 * @property {string[]} errors each once
 * @property {boolean} timely whether the browser said that it was done */

/** @param {string} uri @param {{ username: string, credential: string }} credentials @param {number} [limit] milliseconds
 * @returns {Promise<Gathered>} */
export async function gather(uri, { username, credential }, limit = LIMIT) {
  /** @type {Gathered} */
  const gathered = { candidates: [], errors: [], timely: true };
  /** @type {RTCPeerConnection} */
  let connection;
  try {
    connection = new RTCPeerConnection({ iceServers: [{ urls: uri, username, credential }], iceTransportPolicy: 'relay' });
  } catch (error) {
    gathered.errors.push(`the browser throws: ${error instanceof Error ? error.message : error}`);
    return gathered;
  }
  const begun = performance.now();
  connection.onicecandidate = ({ candidate }) => {
    if (candidate?.type === 'relay') {
      const address = `${candidate.address}:${candidate.port}`;
      gathered.candidates.push({ address, protocol: candidate.protocol ?? '', ms: performance.now() - begun });
    }
  };
  connection.onicecandidateerror = ({ errorCode, errorText }) => {
    const error = `${errorCode} ${errorText}`.trim();
    if (!gathered.errors.includes(error)) {
      gathered.errors.push(error);
    }
  };
  /** @type {Promise<boolean>} */
  const done = new Promise((resolve) => {
    connection.onicegatheringstatechange = () => {
      if (connection.iceGatheringState === 'complete') {
        resolve(true);
      }
    };
    setTimeout(() => resolve(false), limit);
  });
  try {
    // Without something to connect nothing is gathered.
    connection.createDataChannel('relay test');
    await connection.setLocalDescription();
    gathered.timely = await done;
  } catch (error) {
    gathered.errors.push(`the browser fails: ${error instanceof Error ? error.message : error}`);
  } finally {
    connection.close();
  }
  return gathered;
}
