// One table of keys: the handlers, and the sheet that "?" shows, both come from it.

import { byId, el, symbol } from "./dom.js";

/**
 * @typedef {object} Binding
 * @property {string[]} keys As KeyboardEvent.key tells them; "Ctrl+z" with Ctrl or Cmd; "Shift+X" only for named keys.
 * @property {string} [shown] How the list shows its keys, if not one by one.
 * @property {string} does What it does, in words.
 * @property {string} group Under which heading it is shown.
 * @property {(event: KeyboardEvent) => void | false} [run] Not given where an element handles it by itself. False: not handled.
 * @property {string} [within] A selector: only while the focus is inside.
 * @property {boolean} [inDialog] Also while a dialog is open.
 */

/** @type {Binding[]} */
const table = [];
let loading = 0;

/** @param {...Binding} bindings @returns {() => void} what takes them away again */
export function bind(...bindings) {
  table.push(...bindings);
  return () => bindings.forEach((one) => table.splice(table.indexOf(one), 1));
}

/** Keys are dead while something loads that they would act upon. @template T @param {Promise<T>} work @returns {Promise<T>} */
export async function whileLoading(work) {
  loading += 1;
  try {
    return await work;
  } finally {
    loading -= 1;
  }
}

const NAMES = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", " ": "Space", Escape: "Esc" };

/** @param {string} key */
function shown(key) {
  return key.split("+").map((part) => /** @type {Record<string, string>} */ (NAMES)[part] ?? (part.length === 1 ? part.toUpperCase() : part)).join(" + ");
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "submit", "file"].includes(target.type);
}

/** @param {KeyboardEvent} event @param {string} key */
function matches(event, key) {
  const parts = key === "+" ? ["+"] : key.split("+").map((part) => part || "+");
  const wanted = parts[parts.length - 1];
  if (parts.includes("Ctrl") !== (event.ctrlKey || event.metaKey) || event.altKey) return false;
  if (wanted.length > 1 && parts.includes("Shift") !== event.shiftKey) return false;
  return event.key === wanted || (wanted.length === 1 && event.key.toLowerCase() === wanted.toLowerCase());
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || isTyping(event.target)) return;
  const dialog = document.querySelector("dialog[open]");
  for (const one of [...table].reverse()) {
    if (!one.run || (loading && !one.inDialog) || Boolean(dialog) !== Boolean(one.inDialog)) continue;
    if (one.within && !(event.target instanceof Element && event.target.closest(one.within))) continue;
    // A button's own keys are its own.
    if ((event.key === " " || event.key === "Enter") && event.target instanceof HTMLElement && event.target.closest("button, a, input, summary") && !one.within) continue;
    if (!one.keys.some((key) => matches(event, key))) continue;
    if (one.run(event) === false) continue;
    event.preventDefault();
    return;
  }
});

function showSheet() {
  /** @type {Map<string, Map<string, Set<string>>>} */
  const groups = new Map();
  for (const one of table) {
    const group = groups.get(one.group) ?? new Map();
    const keys = group.get(one.does) ?? new Set();
    for (const key of one.shown ? [one.shown] : one.keys.map(shown)) keys.add(key);
    groups.set(one.group, group.set(one.does, keys));
  }
  const close = el("button.icon", { type: "button", "aria-label": "Close", onclick: () => sheet.close() }, symbol("close"));
  const sheet = el(
    "dialog.sheet",
    { "aria-labelledby": "sheet-title", onclose: () => sheet.remove(), onclick: (/** @type {MouseEvent} */ event) => event.target === sheet && sheet.close() },
    el("div.sheet-in", {},
      el("div.sheet-head", {}, el("h2", { id: "sheet-title" }, "Keys"), close),
      el("div.sheet-groups", {},
        ...[...groups].map(([title, rows]) =>
          el("section", {}, el("h3", {}, title),
            el("dl", {}, ...[...rows].map(([does, keys]) => el("div", {}, el("dt", {}, ...[...keys].map((key) => el("kbd", {}, key))), el("dd", {}, does)))))))),
  );
  document.body.append(sheet);
  sheet.showModal();
}

bind({ keys: ["?"], does: "This list", group: "Everywhere", run: showSheet });
byId("keys").addEventListener("click", showSheet);
