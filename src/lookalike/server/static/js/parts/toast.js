// Short messages at the edge of the page, some with a way back.

import { byId, el, say } from "./dom.js";
import { sentence, wasAborted } from "./api.js";

/**
 * @param {string} text
 * @param {{bad?: boolean, undo?: () => void, seconds?: number}} [options]
 */
export function toast(text, { bad = false, undo, seconds = bad || undo ? 9 : 4 } = {}) {
  const shown = el("div.toast", {}, el("p", {}, text));
  if (bad) shown.classList.add("bad");
  const end = () => shown.remove();
  if (undo) {
    shown.append(el("button.small", { type: "button", onclick: () => { end(); undo(); } }, "Undo"));
  }
  shown.append(el("button.small.quiet", { type: "button", onclick: end }, "Close"));
  byId("toasts").append(shown);
  say(text);
  let timer = setTimeout(end, seconds * 1000);
  shown.addEventListener("pointerenter", () => clearTimeout(timer));
  shown.addEventListener("focusin", () => clearTimeout(timer));
  shown.addEventListener("pointerleave", () => { timer = setTimeout(end, 3000); });
}

/** Shows an error, unless it only says that something newer took its place. @param {unknown} error */
export function complain(error) {
  if (!wasAborted(error)) toast(sentence(error), { bad: true });
}
