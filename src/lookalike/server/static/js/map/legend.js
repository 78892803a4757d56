// What the colours and shapes mean, with counts; to press one is to see only that.

import { el, say } from "../parts/dom.js";
import { count, counted } from "../parts/words.js";
import { mark, slotOf } from "./styles.js";

/** @typedef {{name: string, pictures: number}} Category */

const MOST = 250; // rows at a time
const MANY = 12; // from which on names can be looked for

/** A name without the folders that all have in common. @param {Category[]} categories @param {string} by */
export function namer(categories, by) {
  if (by === "cluster") return (/** @type {string} */ name) => `Cluster ${name}`;
  if (by === "label") return (/** @type {string} */ name) => name || "no label";
  const parts = categories.map((one) => one.name.split("/"));
  let same = 0;
  while (parts.length > 1 && parts.every((one) => one.length > same + 1 && one[same] === parts[0][same])) same += 1;
  return (/** @type {string} */ name) => (parts.length > 1 ? name.split("/").slice(same).join("/") : name.split("/").pop()) || name;
}

export class Legend {
  /** @param {HTMLElement} box @param {{choose: (chosen: Set<number>) => void, goTo: () => void, list: () => void}} to */
  constructor(box, to) {
    this.box = box;
    this.to = to;
    /** @type {Category[]} */ this.categories = [];
    /** @type {Set<number>} */ this.chosen = new Set();
    this.named = (/** @type {string} */ name) => name;
    this.field = el("input.small", { type: "text", placeholder: "Look for a name", "aria-label": "Look for a name", spellcheck: "false", oninput: () => this.draw() });
    this.list = el("div.legend-list", { role: "group", "aria-label": "Shown: all, or those that are pressed" });
    this.actions = el("div.legend-actions", {});
    this.head = el("div.legend-head", {}, el("h2"), el("span.hint"));
    box.append(this.head, this.field, this.actions, this.list);
  }

  /** @param {Category[]} categories @param {string} by @param {Set<number>} chosen @param {number} total */
  show(categories, by, chosen, total) {
    this.categories = categories;
    this.chosen = chosen;
    this.named = namer(categories, by);
    this.rest = total - categories.reduce((sum, one) => sum + one.pictures, 0);
    this.head.children[0].textContent = by === "folder" ? "Folders" : by === "label" ? "Labels" : "Clusters";
    this.field.value = "";
    this.field.hidden = categories.length <= MANY;
    this.draw();
  }

  /** @param {number} category */
  toggle(category) {
    if (!this.chosen.delete(category)) this.chosen.add(category);
    this.draw();
    this.to.choose(new Set(this.chosen));
    const shown = [...this.chosen].reduce((sum, one) => sum + this.categories[one].pictures, 0);
    say(this.chosen.size ? `${counted(shown, "picture")} shown` : "All shown");
  }

  clear() {
    this.chosen.clear();
    this.draw();
    this.to.choose(new Set());
  }

  draw() {
    const focused = document.activeElement instanceof HTMLElement && this.list.contains(document.activeElement) ? document.activeElement.dataset.category : undefined;
    const top = this.list.scrollTop;
    const wanted = this.field.value.trim().toLowerCase();
    const fitting = this.categories.map((one, at) => ({ ...one, at, shown: this.named(one.name) })).filter((one) => one.shown.toLowerCase().includes(wanted));
    this.head.children[1].textContent = count(this.categories.length);
    this.box.classList.toggle("some", this.chosen.size > 0);
    this.list.replaceChildren(
      ...fitting.slice(0, MOST).map(({ at, shown, name, pictures }) =>
        el("button.legend-row", { type: "button", "data-category": at, "aria-pressed": String(this.chosen.has(at)), title: name, onclick: () => this.toggle(at) },
          mark(slotOf(at, this.chosen)), el("span.legend-name", {}, shown), el("span.legend-count", {}, count(pictures)))),
      ...(fitting.length > MOST ? [el("p.hint", {}, `${count(fitting.length - MOST)} more: look for a name`)] : []),
      ...(this.rest ? [el("p.hint", {}, `${counted(this.rest, "picture")} in none`)] : []),
      ...(fitting.length ? [] : [el("p.hint", {}, "No such name")]));
    const button = (/** @type {string} */ text, /** @type {() => void} */ run) => el("button.small.quiet", { type: "button", onclick: run }, text);
    this.actions.replaceChildren(...(this.chosen.size
      ? [button("Show all", () => this.clear()), button("Go there", this.to.goTo), button("List", this.to.list)]
      : []));
    this.actions.hidden = !this.chosen.size;
    this.list.scrollTop = top;
    if (focused !== undefined) /** @type {HTMLElement | null} */ (this.list.querySelector(`[data-category="${focused}"]`))?.focus({ preventScroll: true });
  }
}
