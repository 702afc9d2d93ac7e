// What the tests of group calls ask of the users in them.

import assert from "node:assert/strict";
import { PATIENCE, until } from "./rig.mjs";

/** Joins the room's call, and makes it if it is the first. */
export async function join(seat) {
  await seat.call("join");
}

/** Waits until all of these see that the user at the seat is in the call. */
export async function seenIn(seat, others) {
  const sees = async (other) => (await other.call("participants"))?.includes(seat.user.id);
  await Promise.all(others.map((other) => until(`${other.user.id} to see ${seat.user.id} in the call`, () => sees(other))));
}

/** Waits until everyone decodes everyone else, through relays alone; gives the time at which the last one did. */
export async function media(seats) {
  const others = seats.length - 1;
  const at = seats.map(async (seat) => {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, PATIENCE);
    });
    const at = await Promise.race([seat.call("media", others), late]);
    clearTimeout(timer);
    const peers = await seat.call("peers");
    const { iceErrors, signals } = await seat.seen();
    const participants = await seat.call("participants");
    const state = `${seat.user.id}: ${JSON.stringify({ participants, peers, iceErrors, signals }, null, 1)}`;
    assert.ok(at, `waited ${PATIENCE} ms for media; ${state}`);
    const decoded = peers.filter((peer) => peer.frames > 10);
    // The other end, too, is a relay to who has it: a check that overtakes its candidate makes it peer-reflexive here.
    assert.deepEqual(decoded.map((peer) => peer.end), Array(others).fill("relay"), state);
    return at;
  });
  // All are told of, not the first that fails alone.
  const settled = await Promise.allSettled(at);
  const failed = settled.filter(({ status }) => status === "rejected");
  assert.deepEqual(failed.map(({ reason }) => reason.message), []);
  return Math.max(...settled.map(({ value }) => value));
}

/** Waits until the user's connections have found no way: no relay took what the widget had for credentials. */
export async function noWay(seat) {
  await until(`${seat.user.id} to be refused by the relay`, async () => {
    const [peers, { iceErrors }] = [await seat.call("peers"), await seat.seen()];
    assert.ok(peers.every((peer) => peer.frames === 0 && peer.end === null), JSON.stringify(peers));
    return iceErrors.includes(401) && peers.some((peer) => peer.gathering === "complete" && !peer.offered);
  });
}
