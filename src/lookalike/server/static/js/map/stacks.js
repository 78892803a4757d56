// Clusters as stacks of their middle pictures, the largest first; a stack opens to its members.

import * as api from "../parts/api.js";
import { el } from "../parts/dom.js";
import { thumbnail } from "../parts/api.js";
import { counted } from "../parts/words.js";
import { mark, slotOf } from "./styles.js";

/** @typedef {import("../parts/types.js").Picture} Picture */
/** @typedef {{number: number, pictures: number, middle: Picture[]}} Cluster */

const STEP = 60;

/** @param {number} number */
export const title = (number) => (number < 0 ? "In no cluster" : `Cluster ${number}`);

/**
 * @param {HTMLElement} box
 * @param {number} job
 * @param {{open: (cluster: number) => void, goTo: (cluster: number) => void}} to
 */
export async function showStacks(box, job, to) {
  const list = el("ul.stacks-grid", { role: "list" });
  const told = el("p.hint");
  const more = el("button.quiet", { type: "button", onclick: () => void load() }, "Show more");
  box.replaceChildren(told, list, more);
  let upTo = 0;
  async function load() {
    const found = await api.get(`clusters/${job}?offset=${upTo}&limit=${STEP}&middle=3`);
    upTo += found.clusters.length;
    told.textContent = `${counted(found.total, "cluster")} of ${counted(found.pictures, "picture")} by ${found.descriptor}, ${found.method}`;
    list.append(...found.clusters.map((/** @type {Cluster} */ one) => el("li", {}, stack(one, to.open))));
    more.hidden = upTo >= found.total;
  }
  await load();
}

/** @param {Cluster} cluster @param {(cluster: number) => void} open */
function stack({ number, pictures, middle }, open) {
  const pile = [...middle].reverse().map((picture) => el("img", { src: thumbnail(picture.id, 256, picture.version), alt: "", loading: "lazy", decoding: "async", draggable: "false", width: picture.width, height: picture.height }));
  return el("button.stack", { type: "button", onclick: () => open(number) },
    el("span.stack-pile", { "aria-hidden": "true" }, ...pile),
    el("span.stack-name", {}, mark(number < 0 ? -1 : slotOf(number - 1, new Set())), el("span", {}, title(number)), el("span.hint", {}, counted(pictures, "picture"))));
}

/** All members of a cluster, nearest to its centre first. @param {number} job @param {number} cluster @returns {Promise<Picture[]>} */
export async function members(job, cluster) {
  /** @type {Picture[]} */
  const found = [];
  for (;;) {
    const page = await api.get(`clusters/${job}/${cluster}?offset=${found.length}&limit=1000`);
    found.push(...page.pictures);
    if (found.length >= page.total || !page.pictures.length) return found;
  }
}
