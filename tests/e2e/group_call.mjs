// What the tests of group calls ask of the users in them.

import assert from "node:assert/strict";
import { PATIENCE, until } from "./rig.mjs";

/** Waits until the widget has begun. */
export async function ready(seat) {
  return until(`the widget of ${seat.user.id}`, async () => {
    const seen = await seat.seen();
    assert.equal(seen?.error ?? null, null);
    return seen?.started && seen.updates.length > 0 ? seen : null;
  });
}

/** Joins the room's call, and makes it if it is the first. */
export async function join(seat) {
  await seat.call("join");
}

/** Waits until all see the call in which the first one is. */
export async function callSeen([first, ...others]) {
  for (const seat of others) {
    await until(`${seat.user.id} to see the call`, async () => (await seat.call("participants"))?.includes(first.user.id));
  }
}

/** Waits until everyone decodes everyone else, through relays alone; gives the time of the last. */
export async function media(seats, patience = PATIENCE) {
  const others = seats.length - 1;
  const wait = async (seat) => {
    let peers;
    const all = until("media", async () => {
      peers = await seat.call("peers");
      return peers.filter((peer) => peer.frames > 10).length >= others;
    }, patience);
    await all.catch(async (error) => {
      const { iceErrors } = await seat.seen();
      throw new Error(`${seat.user.id}: ${error.message}; ${JSON.stringify({ peers, iceErrors })}`);
    });
    const decoded = peers.filter((peer) => peer.frames > 10);
    assert.deepEqual(decoded.map((peer) => peer.pair), Array(others).fill("relay/relay"));
    return Date.now();
  };
  return Math.max(...(await Promise.all(seats.map(wait))));
}
