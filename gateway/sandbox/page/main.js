// Starts both sides and keeps them up to date: the outside by server-sent events, the centre by the gateway's
// own live WebSocket, which says when to look again.

import { attempt, Refused } from "./dom.js";
import * as outside from "./outside.js";
import * as centre from "./centre.js";

const GATHER_MS = 120; // several rows of one commit are one look
const AGAIN_MS = 1500;

let looking = null;
let after = null;
let gatewayRuns = false;

function look() {
  looking ??= setTimeout(async () => {
    looking = null;
    try {
      await centre.refresh();
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // while the gateway restarts, the header says so
    }
  }, GATHER_MS);
}

function followGateway() {
  if (!gatewayRuns) {
    setTimeout(followGateway, AGAIN_MS);
    return;
  }
  const query = after === null ? "" : `?after=${after}`;
  const socket = new WebSocket(`ws://${location.host}/as/sam/api/v1/live${query}`);
  socket.addEventListener("message", (event) => {
    const row = JSON.parse(event.data);
    after = Math.max(after ?? 0, row.seq);
    if (row.kind !== "Recorded") look();
  });
  socket.addEventListener("close", () => setTimeout(followGateway, AGAIN_MS));
}

function followOutside() {
  const events = new EventSource("/world/live");
  events.addEventListener("message", (event) => {
    const state = JSON.parse(event.data);
    gatewayRuns = state.gateway.runs;
    outside.show(state);
    centre.setPhones(state.phones);
  });
  events.addEventListener("error", () => {
    document.getElementById("gateway").textContent = "The sandbox does not answer. Is it still running?";
  });
}

outside.start();
centre.start();
followOutside();
followGateway();
await attempt(() => centre.refresh());
