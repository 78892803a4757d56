// Two pictures laid upon each other: side by side, slider, blink, difference; one view for both.

import { el, styled } from "./dom.js";
import { PanZoom } from "./panzoom.js";

/** @typedef {{src: string, name: string, width: number, height: number}} Layer */
/** @typedef {"beside" | "slider" | "blink" | "difference"} Mode */

/** @type {{mode: Mode, label: string, does: string}[]} */
export const MODES = [
  { mode: "beside", label: "Side by side", does: "Side by side" },
  { mode: "slider", label: "Slider", does: "Slider" },
  { mode: "blink", label: "Blink", does: "Blink" },
  { mode: "difference", label: "Difference", does: "Difference" },
];

/** @param {number[][]} a @param {number[][]} b */
const times = (a, b) => a.map((row) => b[0].map((_, at) => row.reduce((sum, value, k) => sum + value * b[k][at], 0)));

/** A 3 x 3 map of the plane as CSS writes it. @param {number[][]} m */
const css = (m) => `matrix3d(${[m[0][0], m[1][0], 0, m[2][0], m[0][1], m[1][1], 0, m[2][1], 0, 0, 1, 0, m[0][2], m[1][2], 0, m[2][2]].join(",")})`;

export class Stage {
  /** @param {HTMLElement} container @param {(mode: Mode) => void} changed */
  constructor(container, changed) {
    this.container = container;
    this.changed = changed;
    /** @type {Mode} */ this.mode = "beside";
    this.split = 0.5;
    this.flipped = false;
    /** @type {[Layer, Layer] | null} */ this.layers = null;
    /** @type {number[][]} */ this.align = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
    this.aligned = true;
    this.images = [el("img.layer", { alt: "", draggable: "false" }), el("img.layer", { alt: "", draggable: "false" })];
    this.clips = [el("div.stage-clip", {}, this.images[0]), el("div.stage-clip", {}, this.images[1])];
    this.names = [el("span.stage-name.first"), el("span.stage-name.second")];
    this.handle = el("div.stage-handle", { role: "slider", tabindex: "0", "aria-label": "Where the first picture ends", "aria-valuemin": "0", "aria-valuemax": "100", "data-own-drag": "" }, el("span"));
    container.append(...this.clips, this.handle, ...this.names);
    this.zoom = new PanZoom(() => this.draw());
    this.zoom.across = (x) => (this.mode === "beside" && x > container.clientWidth / 2 ? x - container.clientWidth / 2 - 4 : x);
    this.zoom.listen(container);
    this.handle.addEventListener("pointerdown", (event) => this.drag(event));
    this.handle.addEventListener("keydown", (event) => {
      const way = /** @type {Record<string, number>} */ ({ ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 })[event.key];
      if (way === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.setSplit(this.split + way);
    });
    new ResizeObserver(() => this.size()).observe(container);
  }

  /** @param {[Layer, Layer]} layers @param {number[][] | null} transform pixels of the first to those of the second */
  show(layers, transform) {
    this.layers = layers;
    const [a, b] = layers;
    const fit = Math.min(b.width / a.width, b.height / a.height);
    this.fallback = [[fit, 0, (b.width - a.width * fit) / 2], [0, fit, (b.height - a.height * fit) / 2], [0, 0, 1]];
    this.transform = transform;
    this.aligned = transform !== null;
    layers.forEach((layer, at) => {
      // An element of at most 2048 pixels, whatever the picture has: layers of full size cost too much memory.
      const scale = Math.min(2048 / Math.max(layer.width, layer.height), 1);
      this.images[at].width = Math.max(Math.round(layer.width * scale), 1);
      this.images[at].height = Math.max(Math.round(layer.height * scale), 1);
      if (this.images[at].src !== layer.src) this.load(this.images[at], layer.src);
      this.images[at].alt = layer.name;
      this.names[at].textContent = layer.name;
    });
    this.size();
  }

  /** Until the new picture is there nothing is shown: never the one before under its name. @param {HTMLImageElement} img @param {string} src */
  load(img, src) {
    img.src = src;
    img.toggleAttribute("data-loading", !img.complete);
    const there = () => { if (img.src === src) img.removeAttribute("data-loading"); };
    img.decode().then(there, there);
  }

  /** @param {boolean} aligned */
  setAligned(aligned) {
    this.aligned = aligned && Boolean(this.transform);
    this.draw();
  }

  /** @param {Mode} mode */
  setMode(mode) {
    this.mode = mode;
    this.flipped = false;
    this.size();
    this.changed(mode);
  }

  /** Next mode. */
  next() {
    this.setMode(MODES[(MODES.findIndex((one) => one.mode === this.mode) + 1) % MODES.length].mode);
  }

  /** Shows the other one in place. */
  flip() {
    if (this.mode !== "blink") this.setMode("blink");
    this.flipped = !this.flipped;
    this.draw();
  }

  /** @param {number} gain */
  setGain(gain) {
    styled(this.container, { "--gain": String(gain) });
  }

  /** @param {number} share */
  setSplit(share) {
    this.split = Math.min(Math.max(share, 0), 1);
    this.draw();
  }

  /** @param {PointerEvent} event */
  drag(event) {
    event.preventDefault();
    this.handle.focus();
    const box = this.container.getBoundingClientRect();
    const move = (/** @type {PointerEvent} */ one) => this.setSplit((one.clientX - box.left) / box.width);
    const end = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }

  size() {
    if (!this.layers || !this.container.clientWidth) return;
    const beside = this.mode === "beside";
    const width = this.container.clientWidth / (beside ? 2 : 1) - (beside ? 4 : 0);
    this.zoom.setSizes({ width, height: this.container.clientHeight }, this.layers[1]);
  }

  draw() {
    if (!this.layers) return;
    const { scale, x, y } = this.zoom.view;
    const view = [[scale, 0, x], [0, scale, y], [0, 0, 1]];
    const laid = (this.aligned && this.transform) || this.fallback || this.align;
    this.layers.forEach((layer, at) => {
      const own = [[layer.width / this.images[at].width, 0, 0], [0, layer.height / this.images[at].height, 0], [0, 0, 1]];
      styled(this.images[at], { transform: css(times(view, at === 0 ? times(laid, own) : own)) });
    });
    const { mode, split, flipped } = this;
    this.container.dataset.mode = mode;
    this.container.dataset.flipped = String(flipped);
    styled(this.clips[0], { "clip-path": mode === "slider" ? `inset(0 ${(1 - split) * 100}% 0 0)` : "none" });
    styled(this.handle, { left: `${split * 100}%` });
    this.handle.setAttribute("aria-valuenow", String(Math.round(split * 100)));
    this.handle.hidden = mode !== "slider";
  }
}
