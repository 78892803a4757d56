// Some folders, added one by one, each with a button that leaves it out.

import { el, say } from "./dom.js";

let lists = 0;

export class FolderList {
  /** @param {{label: string, placeholder: string, changed?: () => void}} options */
  constructor({ label, placeholder, changed = () => undefined }) {
    lists += 1;
    this.changed = changed;
    /** @type {string[]} */ this.folders = [];
    this.field = el("input", { type: "text", id: `folders-${lists}`, list: "scope-roots", spellcheck: "false", placeholder, "aria-describedby": `folders-${lists}-of` });
    this.list = el("ul.folder-chips", { id: `folders-${lists}-of`, "aria-label": label });
    this.element = el("div.labelled.folder-list", {},
      el("label", { for: this.field.id }, label),
      el("div.bar.folder-add", {}, this.field, el("button.small.quiet", { type: "button", "aria-label": `Add: ${label}`, onclick: () => { this.add(); this.field.focus(); } }, "Add")),
      this.list);
    this.field.addEventListener("input", () => this.changed());
  }

  /** Those that were added, and what stands in the field. */
  get values() {
    const typed = this.field.value.trim();
    return [...new Set([...this.folders, ...(typed ? [typed] : [])])];
  }

  /** Takes what stands in the field into the list. */
  add() {
    const typed = this.field.value.trim();
    if (!typed) return false;
    this.field.value = "";
    this.set([...this.folders, typed]);
    say(`${typed} added`);
    return true;
  }

  /** @param {string[]} folders */
  set(folders) {
    this.folders = [...new Set(folders)];
    this.list.replaceChildren(...this.folders.map((folder) => el("li", {}, el("span.path", {}, folder),
      el("button.icon.small", { type: "button", "aria-label": `Leave out ${folder}`, onclick: () => { this.set(this.folders.filter((one) => one !== folder)); this.field.focus(); } }, "×"))));
    this.changed();
  }
}
