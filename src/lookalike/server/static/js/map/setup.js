// What a map is made by, and the job that makes it.

import * as api from "../parts/api.js";
import { el } from "../parts/dom.js";
import { held } from "../parts/shell.js";
import { complain, toast } from "../parts/toast.js";
import { count, counted } from "../parts/words.js";
import { watched } from "./work.js";

/** @typedef {import("../parts/types.js").Job} Job */

/** About how long t-SNE takes, from one timing: 9,144 pictures in 92 s on one busy core. @param {number} pictures */
function patience(pictures) {
  const minutes = pictures / 6000;
  return pictures < 1500 ? "a few seconds" : minutes < 2 ? "a minute or two" : `about ${count(Math.ceil(minutes))} minutes`;
}

/** @param {HTMLElement} box @param {{running: Job | null, done: (job: number) => void, close: (() => void) | null}} to */
export async function fillSetup(box, { running, done, close }) {
  const [library, { folders }] = await Promise.all([held, api.get("folders")]);
  const work = el("div");
  const radio = (/** @type {string} */ value, /** @type {string} */ name, /** @type {string} */ hint, /** @type {boolean} */ checked) =>
    el("label.choice", {}, el("input", { type: "radio", name: "method", value, checked }), el("span", {}, name), el("span.hint", {}, hint));
  const descriptor = el("select", {}, ...Object.entries(library.descriptors).filter(([name]) => name).map(([name]) => el("option", { value: name, selected: name === "lite0" }, name)));
  const scope = el("select", {}, el("option", { value: "" }, `All ${counted(library.indexed, "picture")}`),
    ...folders.slice(0, 1000).map((/** @type {{path: string, pictures: number}} */ one) => el("option", { value: one.path }, `${one.path} (${count(one.pictures)})`)));
  const begin = el("button.primary", { type: "submit" }, "Lay out the map");
  const form = el("form", { onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); void start(); } },
    el("fieldset", {}, el("legend", {}, "How"),
      radio("tsne", "Like beside like (t-SNE)", `Neighbours stay together; takes ${patience(library.indexed)}.`, true),
      radio("pca", "By the largest differences (PCA)", "Quick; groups overlap more.", false)),
    el("div.setup-row", {},
      el("label.labelled", {}, el("span", {}, "By descriptor"), descriptor),
      el("label.labelled", {}, el("span", {}, "Pictures"), scope)),
    el("div.setup-actions", {}, begin, close ? el("button.quiet", { type: "button", onclick: close }, "Cancel") : ""));
  form.className = "setup-form";
  box.replaceChildren(el("h2", { id: "setup-title" }, "Lay out your pictures"), el("p.lead", {}, "Every picture becomes a point, and those that are alike lie together."), form, work);

  async function start() {
    try {
      const method = /** @type {HTMLInputElement} */ (form.querySelector("input:checked")).value;
      await follow(await api.post("map", { method, descriptor: descriptor.value, ...(scope.value ? { only: { under: [scope.value] } } : {}) }));
    } catch (error) {
      complain(error);
      form.hidden = false;
    }
  }

  /** @param {Job} job */
  async function follow(job) {
    form.hidden = true;
    const over = await watched(job, work, "Laying out the map");
    form.hidden = false;
    if (over.state === "done") done(over.id);
    else if (over.error) toast(api.sentence(over.error), { bad: true });
    else begin.focus();
  }
  if (running) await follow(running);
}
