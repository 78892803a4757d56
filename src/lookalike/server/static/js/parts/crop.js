// A box on a picture: drawn, moved and sized by mouse, finger and keys. Told when it is let go.

import { el, say, styled } from "./dom.js";

/** @typedef {import("./types.js").Region} Region */

const LEAST = 0.04;
const STEP = 0.02;
const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Crop {
  /**
   * @param {HTMLElement} frame Lies exactly over the picture.
   * @param {(region: Region | null) => void} released
   */
  constructor(frame, released) {
    this.frame = frame;
    this.released = released;
    /** @type {Region | null} */ this.region = null;
    this.box = el("div.crop-box", {
      tabindex: "0", role: "group", "aria-roledescription": "crop box", hidden: true, "data-own-drag": "",
      "aria-label": "Part of the query that is searched for. Arrow keys move it, with Shift they size it, Delete takes it away.",
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event), onkeyup: () => this.keyUp(),
    }, ...HANDLES.map((name) => el("span.crop-handle", { "data-handle": name })));
    this.pending = false;
    frame.classList.add("crop-frame");
    frame.append(this.box);
    frame.addEventListener("pointerdown", (event) => this.press(event));
  }

  /** @param {Region | null} region */
  set(region) {
    this.region = region;
    this.box.hidden = region === null;
    this.frame.classList.toggle("cropped", region !== null);
    if (!region) return;
    const [left, top, width, height] = region.map((share) => `${share * 100}%`);
    styled(this.box, { left, top, width, height });
  }

  /** Begins with a box in the middle, ready for keys. */
  begin() {
    if (!this.region) this.set([0.2, 0.2, 0.6, 0.6]);
    this.box.focus();
    this.tell();
  }

  tell() {
    if (!this.region) return;
    const [left, top, width, height] = this.region.map((share) => Math.round(share * 100));
    say(`${left} % from the left, ${top} % from the top, ${width} % wide, ${height} % high`);
  }

  /** @param {PointerEvent} event */
  press(event) {
    if (event.button) return;
    event.preventDefault();
    const bounds = this.frame.getBoundingClientRect();
    const share = (/** @type {PointerEvent} */ one) => [clamp((one.clientX - bounds.left) / bounds.width, 0, 1), clamp((one.clientY - bounds.top) / bounds.height, 0, 1)];
    const [x0, y0] = share(event);
    const start = this.region;
    const handle = event.target instanceof HTMLElement ? event.target.dataset.handle : undefined;
    const inside = event.target === this.box;
    let moved = false;
    const move = (/** @type {PointerEvent} */ one) => {
      const [x, y] = share(one);
      if (!moved && Math.hypot((x - x0) * bounds.width, (y - y0) * bounds.height) < 4) return;
      moved = true;
      if (start && inside) this.set([clamp(start[0] + x - x0, 0, 1 - start[2]), clamp(start[1] + y - y0, 0, 1 - start[3]), start[2], start[3]]);
      else if (start && handle) this.set(this.sized(start, handle, x - x0, y - y0));
      else {
        const [left, top] = [Math.min(x, x0), Math.min(y, y0)];
        this.set([Math.min(left, 1 - LEAST), Math.min(top, 1 - LEAST), Math.max(Math.abs(x - x0), LEAST), Math.max(Math.abs(y - y0), LEAST)]);
      }
    };
    const end = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      if (moved) {
        this.tell();
        this.released(this.region);
      }
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }

  /** @param {Region} from @param {string} handle @param {number} dx @param {number} dy @returns {Region} */
  sized([left, top, width, height], handle, dx, dy) {
    let [right, bottom] = [left + width, top + height];
    if (handle.includes("w")) left = clamp(left + dx, 0, right - LEAST);
    if (handle.includes("e")) right = clamp(right + dx, left + LEAST, 1);
    if (handle.includes("n")) top = clamp(top + dy, 0, bottom - LEAST);
    if (handle.includes("s")) bottom = clamp(bottom + dy, top + LEAST, 1);
    return [left, top, right - left, bottom - top];
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.region) return;
    const ways = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] });
    const way = ways[event.key];
    if (way) {
      const [left, top, width, height] = this.region;
      if (event.shiftKey) this.set([left, top, clamp(width + way[0], LEAST, 1 - left), clamp(height + way[1], LEAST, 1 - top)]);
      else this.set([clamp(left + way[0], 0, 1 - width), clamp(top + way[1], 0, 1 - height), width, height]);
      this.pending = true;
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.set(null);
      this.released(null);
    } else if (event.key !== "Enter") return;
    else this.pending = true;
    event.preventDefault();
    event.stopPropagation();
  }

  keyUp() {
    if (!this.pending) return;
    this.pending = false;
    this.tell();
    this.released(this.region);
  }
}
