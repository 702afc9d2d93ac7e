// A full-mesh group call on npm's matrix-js-sdk, relays alone, with the camera that Chromium makes up.

import { ClientEvent, GroupCallIntent, GroupCallType, createRoomWidgetClient } from "matrix-js-sdk";
import { WidgetApi } from "matrix-widget-api";
import { marks } from "./marks.js";
import { client as options, option, parentOrigin, roomId, userId, widgetId } from "./query.js";

const CALL = "org.matrix.msc3401.call";
const MEMBER = "org.matrix.msc3401.call.member";
const SIGNALS = [
  ...["invite", "candidates", "answer", "hangup", "reject", "select_answer", "negotiate", "replaces"].map((name) => `m.call.${name}`),
  "m.call.sdp_stream_metadata_changed",
  "org.matrix.call.sdp_stream_metadata_changed",
];

const seen = { updates: [], signals: [], iceErrors: [], error: null, started: false, joinedAt: null, mediaAt: null };
window.seen = seen;

// Small pictures: the machine that runs the tests encodes and decodes all of them.
const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = ({ audio, video }) =>
  getUserMedia({ audio, video: video && { width: { ideal: 160 }, height: { ideal: 120 }, frameRate: { ideal: 10 } } });

const connections = new Set();
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...args) {
    super(...args);
    connections.add(this);
    this.addEventListener("icecandidateerror", ({ errorCode }) => seen.iceErrors.push(errorCode));
  }
};

const api = new WidgetApi(widgetId, parentOrigin);
seen.marks = marks(api);
// For whoever has to find out why a call failed.
window.addEventListener("message", ({ data: { api: direction, action, data, response } }) => {
  if (action === "send_to_device" && direction === "toWidget" && !response) {
    seen.signals.push(`${Date.now()} ${data.type} from ${data.sender}`);
  } else if (action === "send_to_device" && direction === "fromWidget") {
    seen.signals.push(`${Date.now()} ${data.type} to ${Object.keys(data.messages)}: ${response?.error?.message ?? "sent"}`);
  }
});
if (option("updates") === "first") {
  // What a host that never refreshes comes to.
  const all = api.getTurnServers.bind(api);
  api.getTurnServers = async function* () {
    for await (const server of all()) {
      if (seen.updates.length === 0) {
        yield server;
      }
    }
  };
}

const client = createRoomWidgetClient(
  api,
  {
    sendState: [{ eventType: CALL }, { eventType: MEMBER, stateKey: userId }],
    receiveState: [{ eventType: "m.room.member" }, { eventType: CALL }, { eventType: MEMBER }],
    sendToDevice: SIGNALS,
    receiveToDevice: SIGNALS,
    turnServers: true,
  },
  roomId,
  { ...options, useE2eForGroupCall: false, forceTURN: true },
  true,
);
client.on(ClientEvent.TurnServers, ([{ urls, username }]) => seen.updates.push({ at: Date.now(), urls, username }));
client.startClient().then(
  () => (seen.started = true),
  (error) => (seen.error = String(error)),
);

/** The ids of those who are in the room's call, as this widget sees it. */
window.participants = () => {
  const call = client.getGroupCallForRoom(roomId);
  return call ? [...call.participants.keys()].map((member) => member.userId) : null;
};

/** Joins the room's call, and makes it where there is none. */
window.join = async () => {
  await client.waitUntilRoomReadyForGroupCalls(roomId);
  seen.joinedAt = Date.now();
  const call =
    client.getGroupCallForRoom(roomId) ??
    (await client.createGroupCall(roomId, GroupCallType.Video, false, GroupCallIntent.Prompt));
  call.on("user_media_feeds_changed", (feeds) => show(feeds));
  await call.enter();
  show(call.userMediaFeeds);
};

/** How many are to be seen. */
window.drawn = () => document.querySelectorAll("video.drawn").length;

/** Shows everyone, where the test wants to see them: to draw them costs more than all the rest. */
function show(feeds) {
  if (option("shown") !== "yes") {
    return;
  }
  document.body.style.cssText =
    "display: grid; grid: repeat(2, 50vh) / 1fr 1fr; margin: 0; background: #111; color: #fff; font: 1rem system-ui";
  document.body.replaceChildren(
    ...feeds.map((feed) => {
      const video = document.createElement("video");
      Object.assign(video, { srcObject: feed.stream, muted: true, autoplay: true });
      video.style.cssText = "width: 100%; height: 100%; object-fit: contain";
      video.requestVideoFrameCallback(() => video.classList.add("drawn"));
      const name = document.createElement("figcaption");
      name.textContent = feed.userId;
      name.style.cssText = "position: absolute; left: 0; bottom: 0; padding: .25rem .5rem; background: #000a";
      const figure = document.createElement("figure");
      figure.style.cssText = "position: relative; margin: 2px; min-height: 0";
      figure.append(video, name);
      return figure;
    }),
  );
}

/** How each connection that is not closed stands. */
window.peers = async () => {
  const standing = [...connections].filter((connection) => connection.connectionState !== "closed");
  return Promise.all(
    standing.map(async (connection) => {
      const peer = {
        connection: connection.connectionState,
        ice: connection.iceConnectionState,
        gathering: connection.iceGatheringState,
        offered: /a=candidate/.test(connection.localDescription?.sdp ?? ""),
        frames: 0,
        end: null,
      };
      const stats = await connection.getStats();
      for (const stat of stats.values()) {
        if (stat.type === "inbound-rtp" && stat.kind === "video") {
          peer.frames += stat.framesDecoded ?? 0;
        } else if (stat.type === "transport" && stat.selectedCandidatePairId) {
          peer.end = stats.get(stats.get(stat.selectedCandidatePairId).localCandidateId).candidateType;
        }
      }
      return peer;
    }),
  );
};

/** Resolves with the time at which this many others are decoded: more than ten pictures each. */
window.media = async (others) => {
  for (;;) {
    const peers = await window.peers();
    if (peers.filter((peer) => peer.frames > 10).length >= others) {
      return Date.now();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
