// The left side: what the public does, what it has received, and the telephones that the gateway calls.

import { announce, ask, attempt, button, byId, clock, el, keep, plain } from "./dom.js";

const STATES = { calling: "dialling", ringing: "hears it ring", talking: "on the line", idle: "over" };
const OUR_SIDE = new Set(["anna", "ben", "chloe"]);
const TITLES = {
  "control-room-1": "Control room",
  "control-room-2": "Control room, second desk",
  public: "The public (called back)",
  "public-encrypted": "The public, by the encrypted trunk",
  overflow: "Overflow",
  sam: "Sam, the supervisor",
};

let received = 0;

export function start() {
  onSubmit("call-form", (values) => ask("POST", "/world/calls", values));
  onSubmit("text-form", (values) => ask("POST", "/world/texts", values));
  onSubmit("email-form", (values) => ask("POST", "/world/emails", values));
}

function onSubmit(id, send) {
  byId(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(event.target));
    const answer = await attempt(() => send(values));
    if (answer?.detail) announce(answer.detail);
  });
}

export function show(outside) {
  const gateway = byId("gateway");
  const words = outside.gateway.ready ? `Gateway ready at ${outside.gateway.url}` : `The gateway is not ready: ${outside.gateway.why}`;
  if (gateway.textContent !== words) gateway.textContent = words;
  keep(byId("calls"), outside.calls.filter((c) => !c.over), (c) => c.id, callItem);
  showReceived(outside);
  keep(byId("phones"), outside.phones.filter((p) => !OUR_SIDE.has(p.name)), (p) => p.name, phoneItem);
}

function callItem(call) {
  const path = `/world/calls/${call.id}`;
  const talking = call.state === "talking";
  const press = button("Press 55", `press-${call.id}`, () => ask("POST", `${path}/digits`, { digits: "55" }), "danger");
  press.disabled = !talking;
  return el("li", { className: "item" },
    el("span", { className: "grow", textContent: `${call.number} to ${call.to}: ${STATES[call.state]}` }),
    press,
    button("Hang up", `hang-up-${call.id}`, () => ask("DELETE", path)));
}

function showReceived(outside) {
  const texts = outside.texts.filter((t) => t.direction === "out")
    .map((t) => ({ id: t.id, at: t.at, head: `Text to ${t.to}, ${clock(t.at)}, ${t.status}`, body: t.body }));
  const emails = outside.emails
    .map((m) => ({ id: m.id, at: m.at, head: `Email to ${m.to}, ${clock(m.at)}: ${m.subject}`, body: m.body }));
  const all = [...texts, ...emails].sort((a, b) => b.at - a.at);
  keep(byId("received"), all, (m) => m.id, (m) =>
    el("li", { className: "message out" }, el("small", { textContent: m.head }), m.body));
  byId("received-none").hidden = all.length > 0;
  if (all.length > received) announce(`The public has received: ${all[0].head}`);
  received = all.length;
}

function phoneItem(phone) {
  const title = TITLES[phone.name] ?? phone.name;
  const select = el("select", { name: `manner-${phone.name}` },
    ...Object.keys(MANNERS).map((manner) =>
      el("option", { value: manner, selected: manner === phone.manner, textContent: MANNERS[manner] })));
  select.addEventListener("change", () =>
    attempt(() => ask("PUT", `/world/phones/${phone.name}`, { manner: select.value })));
  return el("li", { className: "item" },
    el("span", { className: "grow" }, title, phone.state === "idle" ? "" : `: ${plain(phone.state)}`),
    phone.state === "talking"
      ? button("Hang up", `phone-${phone.name}`, () => ask("POST", `/world/phones/${phone.name}/hang-up`))
      : null,
    el("label", { className: "inline" }, el("span", { className: "unseen", textContent: `${title}: ` }), select));
}

const MANNERS = { normal: "answers", busy: "is busy", silent: "does not answer", "hangs-up": "hangs up" };
