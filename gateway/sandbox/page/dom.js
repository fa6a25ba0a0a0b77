// Small helpers: making elements, keeping lists in step with data, and asking the sandbox.

export const byId = (id) => document.getElementById(id);

/** An element. `props` are properties; text children are text, never HTML: what strangers wrote stays text. */
export function el(tag, props = {}, ...children) {
  const element = Object.assign(document.createElement(tag), props);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Make the children of `parent` stand for `items`. An element whose item is unchanged is left alone, so that
    focus and what somebody is typing stay where they are. */
export function keep(parent, items, key, make) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map((item) => {
    const name = String(key(item));
    const content = JSON.stringify(item);
    const old = before.get(name);
    if (old && old.dataset.content === content) return old;
    const fresh = make(item);
    fresh.dataset.key = name;
    fresh.dataset.content = content;
    if (old) takeFocus(old, fresh);
    return fresh;
  });
  const same = wanted.length === parent.children.length && wanted.every((node, n) => parent.children[n] === node);
  if (same) return;
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const replaced = new Map(wanted.map((node) => [node.dataset.key, node]));
  for (const child of [...parent.children]) {
    const next = replaced.get(child.dataset.key);
    if (!next) child.remove();
    else if (next !== child) child.replaceWith(next);
  }
  wanted.forEach((node, n) => {
    if (parent.children[n] !== node) parent.insertBefore(node, parent.children[n] ?? null);
  });
  if (focused?.isConnected) focused.focus();
  parent.querySelector("[data-takes-focus]")?.focus();
  parent.querySelectorAll("[data-takes-focus]").forEach((node) => delete node.dataset.takesFocus);
}

/** The control in `fresh` that stands for the focused one in `old`. */
function takeFocus(old, fresh) {
  const focused = document.activeElement;
  if (!old.contains(focused) || !focused.name) return;
  const successor = fresh.querySelector(`[name="${focused.name}"]`);
  if (successor) successor.dataset.takesFocus = "";
}

export class Refused extends Error {}

/** Ask the sandbox or, under /as/NAME/api/v1/, the gateway. Throws Refused with words for a person. */
export async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused("The sandbox does not answer. Is it still running?");
  }
  const isJson = (answer.headers.get("Content-Type") ?? "").includes("json");
  const content = isJson ? await answer.json() : null;
  if (!answer.ok) {
    const fields = (content?.errors ?? []).map((e) => `${e.field}: ${e.why}`).join("; ");
    throw new Refused([content?.detail ?? `${answer.status} ${answer.statusText}`, fields].filter(Boolean).join(" "));
  }
  return content;
}

let failureTimer;

/** Do something that may be refused, and say so where everybody sees it. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const failure = byId("failure");
    failure.textContent = error.message;
    failure.hidden = false;
    clearTimeout(failureTimer);
    failureTimer = setTimeout(() => { failure.hidden = true; }, 12000);
    return undefined;
  }
}

/** For screen readers; `urgent` interrupts. */
export function announce(text, urgent = false) {
  byId(urgent ? "urgent" : "polite").textContent = text;
}

/** In UTC, as the journal's sentences tell it. */
export const clock = (seconds) => `${new Date(seconds * 1000).toLocaleTimeString("en-GB", { timeZone: "UTC" })} UTC`;

export function age(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

export const plain = (word) => word.replaceAll("_", " ").replaceAll("-", " ");

export const button = (text, name, act, className = "") => {
  const made = el("button", { type: "button", name, className, textContent: text });
  made.addEventListener("click", () => attempt(act));
  return made;
};
