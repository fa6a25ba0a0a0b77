// The right side: handlers, contacts, alarms and the journal. Acting goes through the gateway's own API.

import { age, announce, ask, attempt, button, byId, clock, el, keep, plain } from "./dom.js";
import * as contact from "./contact.js";

const AWAY = "break";
const TAKES_CONTACTS = new Set(["anna", "ben", "chloe"]);

let phones = new Map();
let latest = null;
let arrivedAt = 0;
let seenAlarm = null;

export const as = (name, path) => `/as/${name}/api/v1/${path}`;

export function start() {
  setInterval(showAges, 1000);
  contact.start(() => refresh());
}

export function setPhones(list) {
  phones = new Map(list.map((phone) => [phone.name, phone]));
  if (latest) showHandlers();
}

export async function refresh() {
  const chosen = contact.chosen();
  const [centre, alarms] = await Promise.all([
    ask("GET", `/world/centre${chosen ? `?contact=${chosen}` : ""}`),
    ask("GET", as("sam", "alarms?limit=5")),
  ]);
  latest = centre;
  arrivedAt = performance.now();
  showHandlers();
  showContacts();
  showAlarms(alarms);
  keep(byId("journal"), [...centre.journal].reverse(), (row) => row.seq, journalItem);
  await contact.show(centre.contacts.find((c) => c.reference === chosen), centre.story);
}

const now = () => latest.now + (performance.now() - arrivedAt) / 1000;

// --- handlers --------------------------------------------------------------------------------------------

function showHandlers() {
  const shown = latest.handlers.filter((h) => TAKES_CONTACTS.has(h.id)).map((handler) => ({
    ...handler,
    phone: phones.get(handler.id) ?? { state: "idle", manner: "normal" },
    offers: latest.contacts.flatMap((c) => c.offers.filter((o) => o.handler === handler.id)
      .map((o) => ({ ...o, who: who(c), emergency: c.emergency }))),
  }));
  keep(byId("handlers"), shown, (h) => h.id, handlerItem);
}

function handlerItem(handler) {
  const { state, reason } = handler.presence;
  const available = state === "available";
  const presence = button(available ? "Go away for a break" : "Be available", `presence-${handler.id}`, () =>
    ask("PUT", as(handler.id, "me/presence"), available
      ? { state: "away", reason: AWAY } : { state: "available", reason: "" }));
  const skills = handler.skills.length ? `, ${handler.skills.join(", ")}` : "";
  return el("li", { className: "card" },
    el("h4", { textContent: handler.name }),
    el("p", { className: "quiet", textContent: `${handler.centre.toUpperCase()}${skills}, extension ${handler.extension}` }),
    el("p", { textContent: doing(handler) + (reason && !available ? ` (${reason})` : "") }),
    el("p", { className: "buttons" }, presence,
      handler.phone.state === "talking"
        ? button("Hang up", `hang-up-${handler.id}`, () => ask("POST", `/world/phones/${handler.id}/hang-up`)) : null),
    picksUp(handler),
    ...handler.offers.map((offer) => offerItem(handler, offer)));
}

function doing(handler) {
  const presence = plain(handler.presence.state);
  const rings = handler.offers.some((offer) => offer.by_phone);
  const words = { nothing: "", ringing: rings ? ", phone rings" : ", has an offer", on_contact: ", on a contact", wrap_up: ", writing up" };
  const what = words[handler.doing];
  return presence[0].toUpperCase() + presence.slice(1) + what;
}

function picksUp(handler) {
  const box = el("input", { type: "checkbox", name: `picks-up-${handler.id}`, checked: handler.phone.manner === "normal" });
  box.addEventListener("change", () => attempt(() =>
    ask("PUT", `/world/phones/${handler.id}`, { manner: box.checked ? "normal" : "silent" })));
  return el("label", { className: "inline" }, box, "phone answers by itself");
}

function offerItem(handler, offer) {
  const phone = `/world/phones/${handler.id}`;
  const accept = offer.by_phone
    ? () => ask("POST", `${phone}/answer`)
    : async () => { await ask("POST", as(handler.id, `offers/${offer.id}/accept`)); contact.choose(offer.contact); };
  const decline = offer.by_phone
    ? () => ask("POST", `${phone}/refuse`)
    : () => ask("POST", as(handler.id, `offers/${offer.id}/decline`));
  return el("div", { className: "offer" },
    el("p", {}, offer.emergency ? el("span", { className: "tag danger", textContent: "Emergency" }) : null,
      ` Offered: ${offer.channel} from ${offer.who}`),
    el("p", { className: "buttons" },
      button(offer.by_phone ? "Answer phone" : "Accept", `accept-${offer.id}`, accept, "first"),
      button("Decline", `decline-${offer.id}`, decline)));
}

// --- contacts --------------------------------------------------------------------------------------------

const who = (c) => c.party.name || c.party.shown || "number withheld";

function showContacts() {
  const chosen = contact.chosen();
  const rows = latest.contacts.map((c) => ({
    reference: c.reference, who: who(c), stage: c.stage, queue: c.queue, with: withWhom(c),
    emergency: c.emergency, live: c.live, chosen: c.reference === chosen, since: Date.parse(c.received_at) / 1000,
    closed: c.closed_at ? Date.parse(c.closed_at) / 1000 : null,
  }));
  keep(byId("contacts"), rows, (row) => row.reference, contactRow);
  byId("contacts-none").hidden = rows.length > 0;
  showAges();
}

function withWhom(c) {
  const people = [c.handler, ...c.wrap_ups, ...c.offers.map((o) => `${o.handler}?`)].filter(Boolean);
  if (c.handover?.state === "joined") people.push("control room");
  return [...new Set(people)].join(", ");
}

function contactRow(row) {
  const choose = button(row.reference, `contact-${row.reference}`, async () => {
    contact.choose(row.chosen ? "" : row.reference);
    await refresh();
  });
  choose.setAttribute("aria-pressed", String(row.chosen));
  const stage = row.stage === "closed" ? "closed" : plain(row.stage) + (row.live ? ", on the line" : "");
  const ageCell = el("td", { className: "number" });
  ageCell.dataset.since = row.since;
  if (row.closed) ageCell.dataset.until = row.closed;
  return el("tr", { className: [row.chosen ? "selected" : "", row.closed ? "closed" : ""].join(" ") },
    el("td", {}, choose),
    el("td", { textContent: row.who }),
    el("td", {}, row.emergency ? el("span", { className: "tag danger", textContent: "Emergency" }) : null, ` ${stage}`),
    el("td", { textContent: row.queue }),
    el("td", { textContent: row.with }),
    ageCell);
}

function showAges() {
  for (const cell of byId("contacts").querySelectorAll("[data-since]")) {
    const until = cell.dataset.until ? Number(cell.dataset.until) : now();
    cell.textContent = age(until - Number(cell.dataset.since));
  }
}

// --- alarms and journal ------------------------------------------------------------------------------------

function showAlarms(alarms) {
  keep(byId("alarms"), alarms, (a) => a.seq, (a) => el("li", {},
    el("span", { className: "quiet", textContent: `${clock(Date.parse(a.at) / 1000)} ${a.contact} ` }), a.why,
    a.withdrawn_at && el("span", { className: "quiet", textContent: ` Over since ${clock(Date.parse(a.withdrawn_at) / 1000)}.` })));
  byId("alarms-none").hidden = alarms.length > 0;
  const newest = alarms[0]?.seq ?? 0;
  if (seenAlarm !== null && newest > seenAlarm) announce(`Alarm: ${alarms[0].why}`, true);
  seenAlarm = newest;
}

export function journalItem(row) {
  const actor = row.who.replace(/^handler:/, "");
  return el("li", { className: row.kind === "RaiseAlarm" || row.kind === "EmergencyRaised" ? "alarm" : "" },
    el("time", { textContent: clock(row.at) }),
    el("span", { className: "reference", textContent: row.contact }),
    el("span", { textContent: `${actor} ${row.what}` }));
}
