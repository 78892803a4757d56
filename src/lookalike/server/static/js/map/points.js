// The points of a map, as the server sends them, and what is asked of them again and again.

/** @typedef {{left: number, right: number, bottom: number, top: number}} Box in the unit of the points; y grows upwards */

export const GRID = 65535;
export const NONE = 65535;

export class Points {
  /** Little-endian: see GET /api/v1/map/{job}. @param {ArrayBuffer} bytes */
  constructor(bytes) {
    const head = new DataView(bytes);
    if (bytes.byteLength < 12 || head.getUint32(0) !== 0x4c4b4d31) throw new Error("The server sent no map that this page can read");
    const n = head.getUint32(4, true);
    if (bytes.byteLength !== 12 + 10 * n) throw new Error("The map came only in part: load the page again");
    this.count = n;
    this.ids = new Uint32Array(bytes.slice(12, 12 + 4 * n));
    this.x = new Uint16Array(bytes.slice(12 + 4 * n, 12 + 6 * n));
    this.y = new Uint16Array(bytes.slice(12 + 6 * n, 12 + 8 * n));
    this.categories = new Uint16Array(bytes.slice(12 + 8 * n));
    /** 1: selected. */
    this.flags = new Uint8Array(n);
    /** @type {Map<number, number>} */ this.places = new Map();
  }

  /** Which point a picture is, -1 if none. @param {number} id */
  of(id) {
    if (!this.places.size) this.ids.forEach((one, at) => this.places.set(one, at));
    return this.places.get(id) ?? -1;
  }

  /** Which points lie in a box, at most so many; with one more, there are more. @param {Box} box @param {number} most @param {(category: number) => boolean} shown */
  within({ left, right, bottom, top }, most, shown) {
    const found = [];
    const { x, y, categories, count } = this;
    for (let at = 0; at < count && found.length <= most; at += 1) {
      if (x[at] >= left && x[at] <= right && y[at] >= bottom && y[at] <= top && shown(categories[at])) found.push(at);
    }
    return found;
  }

  /** How many lie in a box. @param {Box} box @param {(category: number) => boolean} shown */
  countWithin(box, shown) {
    return this.within(box, this.count, shown).length;
  }

  /** The nearest so many to a place, nearest first. @param {number} px @param {number} py @param {number} many @param {(category: number) => boolean} shown */
  nearest(px, py, many, shown) {
    /** @type {{at: number, far: number}[]} */
    let held = [];
    let worst = Infinity;
    for (let at = 0; at < this.count; at += 1) {
      const far = (this.x[at] - px) ** 2 + (this.y[at] - py) ** 2;
      if (far >= worst || !shown(this.categories[at])) continue;
      held.push({ at, far });
      if (held.length >= 4 * many) {
        held = held.sort((a, b) => a.far - b.far || a.at - b.at).slice(0, many);
        worst = held[many - 1].far;
      }
    }
    return held.sort((a, b) => a.far - b.far || a.at - b.at).slice(0, many).map((one) => one.at);
  }

  /** Where the points of some categories lie. @param {(category: number) => boolean} shown @returns {Box | null} */
  bounds(shown) {
    const box = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
    for (let at = 0; at < this.count; at += 1) {
      if (!shown(this.categories[at])) continue;
      box.left = Math.min(box.left, this.x[at]);
      box.right = Math.max(box.right, this.x[at]);
      box.bottom = Math.min(box.bottom, this.y[at]);
      box.top = Math.max(box.top, this.y[at]);
    }
    return box.left <= box.right ? box : null;
  }
}
