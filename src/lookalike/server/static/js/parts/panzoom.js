// One view, shared by all who show it: wheel, drag, pinch and keys zoom and pan them together.

import { styled } from "./dom.js";

/** @typedef {{scale: number, x: number, y: number}} View */

const MOST = 40;

export class PanZoom {
  /** @param {(view: View) => void} changed */
  constructor(changed) {
    /** @type {View} */ this.view = { scale: 1, x: 0, y: 0 };
    this.changed = changed;
    /** Where a point of what listens lies in what shows. @type {(x: number) => number} */ this.across = (x) => x;
    this.size = { width: 1, height: 1 };
    this.content = { width: 1, height: 1 };
    /** @type {Map<number, {x: number, y: number}>} */ this.pointers = new Map();
  }

  /** @param {{width: number, height: number}} size of what shows it @param {{width: number, height: number}} content */
  setSizes(size, content) {
    this.size = size;
    this.content = content;
    this.fit();
  }

  /** The scale at which all is seen. */
  get whole() {
    return Math.min(this.size.width / this.content.width, this.size.height / this.content.height);
  }

  fit() {
    this.set(this.whole, 0, 0);
  }

  /** One pixel of the content to one of the screen, or back. */
  toggle() {
    const one = 1 / devicePixelRatio;
    if (Math.abs(this.view.scale - one) < 1e-6) this.fit();
    else this.zoom(one / this.view.scale, this.size.width / 2, this.size.height / 2);
  }

  /** @param {number} scale @param {number} x @param {number} y */
  set(scale, x, y) {
    const held = Math.min(Math.max(scale, this.whole), Math.max(MOST * this.whole, 4));
    const place = (/** @type {number} */ at, /** @type {number} */ room, /** @type {number} */ length) =>
      length <= room ? (room - length) / 2 : Math.min(Math.max(at, room - length), 0);
    this.view = {
      scale: held,
      x: place(x, this.size.width, this.content.width * held),
      y: place(y, this.size.height, this.content.height * held),
    };
    this.changed(this.view);
  }

  /** @param {number} factor @param {number} x @param {number} y what stays where it is */
  zoom(factor, x = this.size.width / 2, y = this.size.height / 2) {
    const { scale } = this.view;
    const next = Math.min(Math.max(scale * factor, this.whole), Math.max(MOST * this.whole, 4));
    this.set(next, x - ((x - this.view.x) * next) / scale, y - ((y - this.view.y) * next) / scale);
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this.set(this.view.scale, this.view.x + dx, this.view.y + dy);
  }

  /** Lets an element move the view. @param {HTMLElement} element */
  listen(element) {
    styled(element, { "touch-action": "none" });
    const at = (/** @type {MouseEvent} */ event) => {
      const box = element.getBoundingClientRect();
      return { x: this.across(event.clientX - box.left), y: event.clientY - box.top };
    };
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { x, y } = at(event);
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0018)), x, y);
    }, { passive: false });
    element.addEventListener("dblclick", (event) => {
      const { x, y } = at(event);
      if (this.view.scale > this.whole * 1.01) this.fit();
      else this.zoom(3, x, y);
    });
    element.addEventListener("pointerdown", (event) => {
      if (event.button || (event.target instanceof Element && event.target.closest("[data-own-drag], button, input"))) return;
      element.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, at(event));
    });
    element.addEventListener("pointermove", (event) => {
      const before = this.pointers.get(event.pointerId);
      if (!before) return;
      const now = at(event);
      this.pointers.set(event.pointerId, now);
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const length = (/** @type {{x: number, y: number}} */ point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
        this.zoom(length(now) / length(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
        this.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
      } else this.pan(now.x - before.x, now.y - before.y);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      element.addEventListener(end, (event) => this.pointers.delete(/** @type {PointerEvent} */ (event).pointerId));
    }
  }
}
