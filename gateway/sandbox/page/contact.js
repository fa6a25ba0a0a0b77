// One contact, chosen in the table: its conversation, and what its handler can do with it.

import { ask, attempt, byId, clock, el, keep, plain } from "./dom.js";
import { as, journalItem } from "./centre.js";

const READING = "reason=" + encodeURIComponent("watching the sandbox");
const EMERGENCY = "raised on the sandbox page";

let reference = "";
let current = null;
let opened = "";
let read = "";
let changed = () => {};

export const chosen = () => reference;

/** '' chooses none. */
export function choose(next) {
  if (next !== reference) for (const id of ["reply-form", "wrap-up-form"]) byId(id).reset();
  reference = next;
  read = "";
  current = null;
}

export async function start(onChange) {
  changed = onChange;
  byId("reply-form").addEventListener("submit", submit(reply));
  byId("wrap-up-form").addEventListener("submit", submit(wrapUp));
  for (const control of byId("actions").children) control.addEventListener("click", () => act(control.dataset.act));
  await attempt(fillTables);
}

async function fillTables() {
  const tables = await ask("GET", as("sam", "settings/desk"));
  const options = (items) => items.map((i) => el("option", { value: i.id, textContent: i.name }));
  byId("wrap-up-form").elements.disposition.append(...options(tables.dispositions));
  byId("wrap-up-form").elements.grade.append(...options(tables.grades));
}

const submit = (send) => (event) => {
  event.preventDefault();
  attempt(async () => {
    await send(Object.fromEntries(new FormData(event.target)));
    event.target.reset();
    await changed();
  });
};

/** Who acts: whoever has the contact, or else the supervisor. */
const actor = () => current.handler || current.wrap_ups[0] || "sam";

const path = (what) => as(actor(), `contacts/${reference}/${what}`);

const reply = ({ body }) => ask("POST", path("replies"), { body });

const wrapUp = (values) => ask("POST", path("wrap-up"), values);

function act(what) {
  const acts = {
    emergency: () => ask("POST", path("emergency"), { how: EMERGENCY }),
    leave: () => ask("POST", path("leave")),
    end: () => ask("POST", path("end")),
    "follow-up": () => ask("POST", "/world/follow-ups", { reference }),
  };
  return attempt(async () => { await acts[what](); await changed(); });
}

export async function show(contact, story) {
  const pane = byId("contact");
  const before = opened;
  opened = contact?.reference ?? "";
  pane.hidden = !contact;
  current = contact ?? null;
  if (!contact) return;
  const { party, channel } = contact;
  setText("contact-title", `${contact.reference}: ${channel} from ${party.name || party.shown || "a withheld number"}`);
  setText("contact-facts", facts(contact));
  keep(byId("story"), story, (row) => row.seq, journalItem);
  showControls(contact);
  await showConversation(contact, story);
  if (opened === before) return;
  pane.querySelector("details").open = channel === "voice"; // a call has no messages: its story is all there is
  byId("contact-title").focus();
}

function setText(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

function facts(contact) {
  const grade = contact.grades.at(-1)?.grade;
  return [
    contact.subject && `Subject: ${contact.subject}`,
    contact.linked_to && `Linked to ${contact.linked_to}`,
    grade && `Grade: ${grade}`,
    contact.handover && `Control room: ${plain(contact.handover.state)} ${contact.handover.target}`,
    contact.follow_ups_open > 0 && `Follow-ups open: ${contact.follow_ups_open}`,
    contact.disposition && `Ended: ${plain(contact.disposition)}`,
  ].filter(Boolean).join(". ");
}

function showControls(contact) {
  const closed = contact.closed_at !== null;
  byId("reply-form").hidden = closed || contact.channel === "voice" || !contact.handler;
  byId("wrap-up-form").hidden = closed || !(contact.wrap_ups.length || (contact.handler && !contact.live));
  byId("actions").hidden = closed;
  const shown = {
    emergency: !contact.emergency,
    leave: contact.live && contact.handover?.state === "joined" && Boolean(contact.handler),
    end: contact.live && Boolean(contact.handler),
    "follow-up": true,
  };
  for (const control of byId("actions").children) control.hidden = !shown[control.dataset.act];
}

/** Read again only when the contact's story has gone on: each reading is journalled. */
async function showConversation(contact, story) {
  const list = byId("conversation");
  list.hidden = contact.channel === "voice";
  const state = `${contact.reference} ${story.at(-1)?.seq ?? 0}`;
  if (list.hidden || state === read) return;
  read = state;
  const messages = await ask("GET", `${path("messages")}?${READING}`);
  keep(list, messages, (m) => m.id, messageItem);
  list.scrollTop = list.scrollHeight;
}

function messageItem(message) {
  const by = message.direction === "in" ? message.sender : message.by.replace(/^handler:/, "");
  const status = message.direction === "out" ? `, ${message.status}` : "";
  const files = message.attachments.length ? ` [${message.attachments.length} attached]` : "";
  return el("li", { className: `message ${message.direction}` },
    el("small", { textContent: `${by}, ${clock(Date.parse(message.at) / 1000)}${status}` }),
    ...words(message), files, ...remarks(message));
}

/** What an email quotes is folded. */
function words({ body, pieces }) {
  if (!pieces.some((piece) => piece.quoted)) return [body];
  return pieces.map(({ text, quoted }) =>
    quoted ? el("details", {}, el("summary", { textContent: "earlier mail" }), text) : el("div", { textContent: text }));
}

const remarks = ({ problems, authentication }) =>
  [problems, authentication].filter(Boolean).map((text) => el("small", { textContent: text }));
