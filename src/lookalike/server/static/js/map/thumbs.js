// Pictures in place of points, where there is room for them; those that would lie on another one stay points.

import { thumbnail } from "../parts/api.js";
import { el, styled } from "../parts/dom.js";
import { COLOURS, mark } from "./styles.js";

/** @typedef {import("./points.js").Points} Points */
/** @typedef {import("../parts/types.js").Picture} Picture */
/** @typedef {{at: number, x: number, y: number}} Spot pixels of the screen */

const LEAST = 44; // pixels

/** Those that do not lie on an earlier one. @param {Spot[]} spots @param {number} side @returns {Spot[]} */
function apart(spots, side) {
  /** @type {Spot[]} */
  const placed = [];
  for (const spot of spots) if (placed.every((other) => Math.max(Math.abs(other.x - spot.x), Math.abs(other.y - spot.y)) >= side)) placed.push(spot);
  return placed;
}

export class Thumbs {
  /** @param {HTMLElement} box @param {(ids: number[]) => Promise<Map<number, Picture>>} facts @param {(category: number) => number} slot */
  constructor(box, facts, slot) {
    this.box = box;
    this.facts = facts;
    this.slot = slot;
    /** @type {Map<number, HTMLElement>} */ this.shown = new Map();
    this.side = 0;
    this.asked = 0;
  }

  /** @param {Points} points @param {Spot[]} spots @param {{width: number, height: number}} room */
  async show(points, spots, room) {
    this.asked += 1;
    const mine = this.asked;
    if (!spots.length) {
      this.clear();
      return;
    }
    const first = (/** @type {Spot} */ spot) => (this.shown.has(spot.at) ? 0 : 1);
    const ordered = [...spots].sort((a, b) => first(a) - first(b) || a.at - b.at);
    const largest = Math.min(Math.max(Math.sqrt((room.width * room.height) / spots.length) * 0.62, LEAST), 150);
    // Smaller only where that lets many more of them in.
    let side = Math.round(largest);
    let placed = apart(ordered, side + 4);
    for (const part of [0.8, 0.64]) {
      const smaller = Math.round(Math.max(largest * part, LEAST));
      const more = apart(ordered, smaller + 4);
      if (more.length >= 1.4 * placed.length) [side, placed] = [smaller, more];
    }
    const held = await this.facts(placed.map((spot) => points.ids[spot.at]));
    if (mine !== this.asked) return;
    this.side = side;
    const wanted = new Set(placed.map((spot) => spot.at));
    for (const [at, item] of this.shown) {
      if (!wanted.has(at)) {
        item.remove();
        this.shown.delete(at);
      }
    }
    for (const spot of placed) {
      const picture = held.get(points.ids[spot.at]);
      if (!picture) continue;
      const item = this.shown.get(spot.at) ?? this.make(picture);
      const slot = this.slot(points.categories[spot.at]);
      item.className = `map-thumb ${slot < 0 ? "slot-none" : `slot-${slot % COLOURS}`}`;
      item.querySelector("svg")?.replaceWith(mark(slot));
      const shape = Math.min(Math.max(picture.width / Math.max(picture.height, 1), 0.5), 2);
      styled(item, { width: `${shape >= 1 ? side : side * shape}px`, height: `${shape >= 1 ? side / shape : side}px` });
      this.put(item, spot.x, spot.y);
      if (!item.isConnected) this.box.append(item);
      this.shown.set(spot.at, item);
    }
  }

  /** @param {Picture} picture */
  make(picture) {
    const img = el("img", { src: thumbnail(picture.id, 256, picture.version), alt: "", decoding: "async", draggable: "false" });
    const item = el("div.map-thumb", {}, img, mark(-1));
    img.addEventListener("error", () => item.classList.add("unreadable"));
    return item;
  }

  /** @param {HTMLElement} item @param {number} x @param {number} y */
  put(item, x, y) {
    styled(item, { transform: `translate(${x}px, ${y}px) translate(-50%, -50%)` });
  }

  /** @param {(at: number) => [number, number]} place */
  move(place) {
    for (const [at, item] of this.shown) this.put(item, ...place(at));
  }

  /** Which picture is at a place, -1 if none. @param {number} x @param {number} y @param {(at: number) => [number, number]} place */
  pick(x, y, place) {
    for (const [at, item] of this.shown) {
      const [px, py] = place(at);
      if (Math.abs(px - x) <= item.offsetWidth / 2 && Math.abs(py - y) <= item.offsetHeight / 2) return at;
    }
    return -1;
  }

  clear() {
    this.asked += 1;
    this.box.replaceChildren();
    this.shown.clear();
  }
}
