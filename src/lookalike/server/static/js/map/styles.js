// How a category looks: a colour and a shape, so that neither is needed to tell two apart.

import { NONE } from "./points.js";

export const COLOURS = 8;
export const SHAPES = 4; // disc, square, diamond, triangle
export const SLOTS = COLOURS * SHAPES; // categories beyond are grey discs unless they are chosen

/** @typedef {{red: number, green: number, blue: number}} Colour */

/** Neighbours in the list differ by both. @param {number} slot */
export const shapeOf = (slot) => (slot + Math.floor(slot / COLOURS)) % SHAPES;

/** @param {number} category @param {Set<number>} chosen @returns {number} -1 if it has no look of its own */
export function slotOf(category, chosen) {
  if (category === NONE) return -1;
  return category < SLOTS || chosen.has(category) ? category % SLOTS : -1;
}

/** What the style sheet says now; the last one is the grey of the others. @param {HTMLElement} within @returns {Colour[]} */
export function colours(within) {
  const probe = document.createElement("span");
  within.append(probe);
  const found = [];
  for (let at = 0; at <= COLOURS; at += 1) {
    probe.className = at < COLOURS ? `slot-${at}` : "slot-none";
    const [red, green, blue] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? ["0", "0", "0"]).map(Number);
    found.push({ red, green, blue });
  }
  probe.remove();
  return found;
}

const PATHS = ["M8 2a6 6 0 1 0 0 12A6 6 0 1 0 8 2Z", "M2.8 2.8h10.4v10.4H2.8Z", "M8 1l7 7-7 7-7-7Z", "M8 1.6 14.8 13.6H1.2Z"];

/** The mark of a category, for the legend. @param {number} slot */
export function mark(slot) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[slot < 0 ? 0 : shapeOf(slot)]);
  path.setAttribute("fill", "currentColor");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `mark ${slot < 0 ? "slot-none" : `slot-${slot % COLOURS}`}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  return svg;
}

/**
 * A look for each of 65,536 categories, as bytes: red, green, blue, and shape + 8 if it is not among the chosen.
 * @param {HTMLElement} within @param {number} categories @param {Set<number>} chosen
 */
export function looks(within, categories, chosen) {
  const palette = colours(within);
  const bytes = new Uint8Array(4 * 65536);
  const put = (/** @type {number} */ category) => {
    const slot = slotOf(category, chosen);
    const { red, green, blue } = palette[slot < 0 ? COLOURS : slot % COLOURS];
    const faint = chosen.size > 0 && !chosen.has(category);
    bytes.set([red, green, blue, (slot < 0 ? 0 : shapeOf(slot)) + (faint ? 8 : 0)], 4 * category);
  };
  for (let category = 0; category < categories; category += 1) put(category);
  put(NONE);
  return bytes;
}
