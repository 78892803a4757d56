// What shows the points: the view, the pointer, the keys, the pictures and the card above them.

import { thumbnail } from "../parts/api.js";
import { el, say, styled, symbol } from "../parts/dom.js";
import { bind } from "../parts/keys.js";
import { PanZoom } from "../parts/panzoom.js";
import { count, counted, name } from "../parts/words.js";
import { simplified } from "./lasso.js";
import { PlainPainter } from "./plain.js";
import { GRID, Points } from "./points.js";
import { looks, mark, slotOf } from "./styles.js";
import { Thumbs } from "./thumbs.js";
import { WebglPainter } from "./webgl.js";

/** @typedef {import("../parts/types.js").Picture} Picture */
/** @typedef {import("./lasso.js").Corner} Corner */
/** @typedef {{open: (at: number) => void, moved: () => void, drawn: (polygon: Corner[]) => void, leave: () => boolean, facts: (ids: number[]) => Promise<Map<number, Picture>>, category: (category: number) => string, plain: boolean, webgl: boolean}} Turns */

const MARGIN = 0.07 * GRID;
const ALL = GRID + 2 * MARGIN;
const FEW = 400; // points in sight, from which on there are pictures
const MANY = 20000; // points, from which on how they are drawn is felt
const REST = 125; // ms until a card shows

export class Stage {
  /** @param {HTMLElement} box @param {Turns} turns */
  constructor(box, turns) {
    this.box = box;
    this.turns = turns;
    this.points = new Points(new Uint8Array([0x4c, 0x4b, 0x4d, 0x31, 0, 0, 0, 0, 0, 0, 0, 0]).buffer);
    /** @type {Set<number>} */ this.chosen = new Set();
    this.categories = 0;
    this.selecting = 0;
    this.marked = -1;
    this.frames = 0;
    this.awaited = 0;
    this.settling = 0;
    this.resting = 0;
    this.carded = -1;
    this.before = 0;
    this.each = 1;
    this.coarse = false;
    this.moving = false;
    this.whole = false;
    /** @type {WebglPainter | PlainPainter | null} */ this.painter = null;
    /** @type {Corner[] | null} */ this.line = null;
    this.thumbBox = el("div.map-thumbs", { "aria-hidden": "true" });
    this.thumbs = new Thumbs(this.thumbBox, turns.facts, (category) => slotOf(category, this.chosen));
    this.trace = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.trace.setAttribute("class", "map-trace");
    this.trace.setAttribute("aria-hidden", "true");
    this.trace.append(document.createElementNS("http://www.w3.org/2000/svg", "polygon"));
    this.marker = el("div.map-marker", { hidden: true, "aria-hidden": "true" });
    this.card = el("div.map-card", { hidden: true, "aria-hidden": "true" });
    this.canvas = el("canvas");
    this.inner = el("div.map-view", {}, this.canvas, this.thumbBox, this.trace, this.marker, el("div.map-cross", { "aria-hidden": "true" }));
    this.lassoButton = el("button.icon", { type: "button", "aria-label": "Select by a line around pictures", "aria-pressed": "false", title: "Lasso (L)", onclick: () => this.lassoing(!this.drawing) }, symbol("lasso"));
    const button = (/** @type {string} */ label, /** @type {string} */ sign, /** @type {() => void} */ run) => el("button.icon", { type: "button", "aria-label": label, title: label, onclick: run }, symbol(sign));
    box.replaceChildren(this.inner, this.card, el("div.map-buttons", {},
      button("Closer", "plus", () => this.zoom.zoom(1.6)), button("Further away", "minus", () => this.zoom.zoom(1 / 1.6)), button("All of it", "whole", () => this.zoom.fit()), this.lassoButton));
    this.drawing = false;
    this.zoom = new PanZoom(() => this.changed());
    this.listen();
    this.zoom.listen(this.inner);
    this.bindKeys();
    new ResizeObserver(() => this.resized()).observe(this.inner);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    new MutationObserver(() => this.recolour()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  shown = (/** @type {number} */ category) => !this.chosen.size || this.chosen.has(category);

  /** Another map, or the same with other categories. @param {Points} points @param {number} categories @param {Set<number>} chosen */
  show(points, categories, chosen) {
    this.points = points;
    this.categories = categories;
    this.chosen = chosen;
    this.marked = -1;
    this.thumbs.clear();
    this.hideCard();
    this.begin(this.turns.plain);
    this.resized();
  }

  /** @param {boolean} plain */
  begin(plain) {
    const fresh = el("canvas");
    this.canvas.replaceWith(fresh);
    this.canvas = fresh;
    this.coarse = false;
    try {
      this.painter = plain ? new PlainPainter(fresh, this.points) : new WebglPainter(fresh, this.points);
      // Where no graphics card draws, many points are written faster than WebGL is imitated.
      if (this.painter instanceof WebglPainter && this.painter.software && this.points.count > MANY && !this.turns.webgl) {
        this.begin(true);
        return;
      }
    } catch {
      if (plain) throw new Error("This browser draws neither by WebGL nor on a canvas");
      this.begin(true);
      return;
    }
    fresh.addEventListener("webglcontextlost", () => { if (this.canvas === fresh) { this.begin(true); this.resized(); } });
    this.box.dataset.painter = this.painter.name;
    this.recolour();
  }

  recolour() {
    this.painter?.setLooks(looks(this.box, this.categories, this.chosen));
    this.changed();
  }

  /** @param {Set<number>} chosen categories, none for all */
  choose(chosen) {
    this.chosen = chosen;
    this.thumbs.clear();
    this.recolour();
  }

  /** @param {number[]} at which points are selected */
  select(at) {
    this.points.flags.fill(0);
    for (const one of at) this.points.flags[one] = 1;
    this.selecting = at.length;
    this.painter?.renew();
    this.changed();
  }

  // The view.

  resized() {
    const { clientWidth: width, clientHeight: height } = this.inner;
    if (!width || !height) return;
    const before = this.place();
    const { width: was } = this.zoom.size;
    this.sizeCanvas(width, height);
    this.zoom.setSizes({ width, height }, { width: ALL, height: ALL });
    if (was > 1) this.goTo(before.x, before.y, before.zoom);
    this.draw();
  }

  /** Gives the drawing its pixels: a quarter of them while drawing is slow. @param {number} width @param {number} height */
  sizeCanvas(width, height) {
    const ratio = Math.min(devicePixelRatio || 1, 2) * (this.coarse ? 0.5 : 1);
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== across) this.canvas.width = across;
    if (this.canvas.height !== down) this.canvas.height = down;
    this.box.dataset.coarse = String(this.coarse);
  }

  /** Where the middle of the view is, and how much closer than at first. */
  place() {
    const { view, size, whole } = this.zoom;
    return { x: (size.width / 2 - view.x) / view.scale - MARGIN, y: GRID + MARGIN - (size.height / 2 - view.y) / view.scale, zoom: view.scale / whole };
  }

  /** @param {number} x @param {number} y @param {number} zoom */
  goTo(x, y, zoom) {
    const { size, whole } = this.zoom;
    const scale = whole * zoom;
    this.zoom.set(scale, size.width / 2 - (x + MARGIN) * scale, size.height / 2 - (GRID + MARGIN - y) * scale);
  }

  /** Shows where some categories lie. @param {(category: number) => boolean} shown */
  goToThose(shown) {
    const box = this.points.bounds(shown);
    if (!box) return;
    const { size, whole } = this.zoom;
    const zoom = Math.min(size.width / (box.right - box.left + 0.06 * GRID), size.height / (box.top - box.bottom + 0.06 * GRID)) / whole;
    this.goTo((box.left + box.right) / 2, (box.bottom + box.top) / 2, Math.max(Math.min(zoom, 40), 1));
  }

  /** @returns {import("./webgl.js").View} */
  get view() {
    const { scale, x, y } = this.zoom.view;
    return { scale, x: x + scale * MARGIN, y: y + scale * (GRID + MARGIN) };
  }

  /** @returns {import("./webgl.js").Frame} */
  get frame() {
    const { size } = this.zoom;
    const closer = this.zoom.view.scale / this.zoom.whole;
    const first = Math.min(Math.max(Math.sqrt((size.width * size.height) / Math.max(this.points.count, 1)) * 0.42, 2.2), 9);
    return { width: size.width, height: size.height, ratio: this.canvas.width / Math.max(size.width, 1), size: Math.min(first * closer ** 0.4, 13), solid: this.points.count > 20000 ? 0.75 : 0.92, marking: this.selecting > 0 };
  }

  /** Where a point is on the screen. @param {number} at @returns {[number, number]} */
  spot = (at) => [this.view.x + this.view.scale * this.points.x[at], this.view.y - this.view.scale * this.points.y[at]];

  /** @param {number} x @param {number} y @returns {Corner} in the unit of the points */
  back(x, y) {
    return [Math.round((x - this.view.x) / this.view.scale), Math.round((this.view.y - y) / this.view.scale)];
  }

  /** @returns {import("./points.js").Box} */
  get inSight() {
    const [left, top] = this.back(0, 0);
    const [right, bottom] = this.back(this.zoom.size.width, this.zoom.size.height);
    return { left, top, right, bottom };
  }

  changed() {
    this.awaited ||= requestAnimationFrame(() => { this.awaited = 0; this.draw(); });
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settled(), 110);
    if (this.carded >= 0) this.hideCard();
  }

  draw() {
    if (!this.painter || !this.canvas.width) return;
    // Where drawing is slow, a movement is drawn with fewer pixels, then with some of the points only; all are there when it rests.
    const now = performance.now();
    const took = now - this.before;
    this.before = now;
    if (this.moving && took < 400 && !this.whole) {
      if (took > 45 && !this.coarse) {
        this.coarse = true;
        this.sizeCanvas(this.zoom.size.width, this.zoom.size.height);
      } else if (took > 45 && this.points.count > MANY) this.each = Math.min(this.each * 2, 16);
      else if (took < 18) this.each = Math.max(this.each / 2, 1);
    }
    this.moving = true;
    this.painter.draw(this.view, { ...this.frame, each: this.whole ? 1 : this.each });
    this.whole = false;
    this.thumbs.move(this.spot);
    if (this.marked >= 0) this.putMarker();
    this.frames += 1;
    if (this.frames === 1) performance.mark("map drawn");
    this.box.dataset.frames = String(this.frames);
  }

  /** The view rests: pictures where few points are in sight. */
  settled() {
    if (!this.points.count || !this.zoom.size.width) return;
    this.moving = false;
    if (this.each > 1 || this.coarse) {
      this.whole = true;
      this.coarse = false;
      this.sizeCanvas(this.zoom.size.width, this.zoom.size.height);
      this.draw();
      this.moving = false;
    }
    const found = this.points.within(this.inSight, FEW, this.shown);
    const spots = found.length > FEW ? [] : found.map((at) => { const [x, y] = this.spot(at); return { at, x, y }; });
    void this.thumbs.show(this.points, spots, this.zoom.size);
    this.box.dataset.sight = String(found.length > FEW ? this.points.countWithin(this.inSight, this.shown) : found.length);
    this.turns.moved();
  }

  /** Marks a picture that was looked for. @param {number} at */
  point(at) {
    this.marked = at;
    this.marker.hidden = at < 0;
    if (at < 0) return;
    this.goTo(this.points.x[at], this.points.y[at], Math.max(this.place().zoom, Math.min(Math.sqrt(this.points.count / 60), 30), 1));
    this.putMarker();
  }

  putMarker() {
    const [x, y] = this.spot(this.marked);
    styled(this.marker, { transform: `translate(${x}px, ${y}px)` });
  }

  // The pointer.

  /** Which point is at a place of the screen, -1 if none. @param {number} x @param {number} y */
  pick(x, y) {
    const thumb = this.thumbs.pick(x, y, this.spot);
    return thumb >= 0 ? thumb : this.painter?.pick(x, y, this.view, this.frame) ?? -1;
  }

  listen() {
    const at = (/** @type {MouseEvent} */ event) => {
      const box = this.inner.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    let began = { x: 0, y: 0 };
    let still = false;
    this.box.addEventListener("pointerdown", (event) => {
      if (event.button || !this.inner.contains(/** @type {Node} */ (event.target))) return;
      began = at(event);
      still = this.zoom.pointers.size === 0;
      this.hideCard();
      if (!this.drawing && !event.shiftKey) return;
      event.stopPropagation();
      event.preventDefault();
      this.box.focus({ preventScroll: true });
      this.inner.setPointerCapture(event.pointerId);
      this.line = [[began.x, began.y]];
    }, { capture: true });
    this.inner.addEventListener("pointermove", (event) => {
      const { x, y } = at(event);
      if (Math.hypot(x - began.x, y - began.y) > 4) still = false;
      if (this.line) {
        this.line.push([x, y]);
        this.trace.firstElementChild?.setAttribute("points", this.line.map((one) => one.join(",")).join(" "));
      } else if (!event.buttons && event.pointerType !== "touch") this.rest(x, y);
    });
    this.inner.addEventListener("pointerup", (event) => {
      if (this.line) {
        this.endLine();
        return;
      }
      const { x, y } = at(event);
      if (!still || event.button) return;
      const found = this.pick(x, y);
      if (found >= 0) this.turns.open(found);
    });
    this.inner.addEventListener("pointercancel", () => { this.line = null; this.trace.firstElementChild?.removeAttribute("points"); });
    this.inner.addEventListener("pointerleave", () => this.hideCard());
  }

  endLine() {
    const line = simplified(this.line ?? [], 1.5).slice(0, 400);
    this.line = null;
    this.lassoing(false);
    this.trace.firstElementChild?.removeAttribute("points");
    const polygon = line.map(([x, y]) => this.back(x, y)).filter(([x, y]) => x >= -GRID && y >= -GRID && x <= 2 * GRID && y <= 2 * GRID);
    if (polygon.length >= 3) this.turns.drawn(polygon);
  }

  /** @param {boolean} on */
  lassoing(on) {
    this.drawing = on;
    this.box.classList.toggle("drawing", on);
    this.lassoButton.setAttribute("aria-pressed", String(on));
    if (on) say("Draw a line around the pictures to select");
  }

  /** All that is in sight, as a polygon. */
  sightPolygon() {
    const { left, right, bottom, top } = this.inSight;
    const held = (/** @type {number} */ value) => Math.min(Math.max(value, -GRID), 2 * GRID);
    return /** @type {Corner[]} */ ([[left, bottom], [right, bottom], [right, top], [left, top]].map(([x, y]) => [held(x), held(y)]));
  }

  // The card.

  /** @param {number} x @param {number} y @param {boolean} [spoken] */
  rest(x, y, spoken = false) {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      const at = spoken ? this.middle(40) : this.pick(x, y);
      if (at !== this.carded) void this.showCard(at, spoken);
    }, REST);
  }

  /** The point nearest to the middle of the view. @param {number} reach pixels */
  middle(reach) {
    const { x, y } = this.place();
    const at = this.points.nearest(x, y, 1, this.shown)[0] ?? -1;
    return at >= 0 && Math.hypot(this.points.x[at] - x, this.points.y[at] - y) * this.view.scale <= reach ? at : -1;
  }

  /** @param {number} at @param {boolean} spoken */
  async showCard(at, spoken) {
    this.hideCard();
    this.box.classList.toggle("over", at >= 0);
    if (at < 0) return;
    this.carded = at;
    const picture = (await this.turns.facts([this.points.ids[at]])).get(this.points.ids[at]);
    if (!picture || this.carded !== at) return;
    const category = this.turns.category(this.points.categories[at]);
    const img = el("img", { src: thumbnail(picture.id, 256, picture.version), alt: "", width: picture.width, height: picture.height });
    this.card.replaceChildren(img, el("strong", {}, name(picture.uri)), el("span.map-card-category", {}, mark(slotOf(this.points.categories[at], this.chosen)), el("span", {}, category)));
    this.card.hidden = false;
    const [x, y] = this.spot(at);
    const { width, height } = this.zoom.size;
    styled(this.card, { left: `${Math.min(Math.max(x > width / 2 ? x - this.card.offsetWidth - 14 : x + 14, 4), width - this.card.offsetWidth - 4)}px`, top: `${Math.min(Math.max(y - this.card.offsetHeight / 2, 4), height - this.card.offsetHeight - 4)}px` });
    if (spoken) say(`${name(picture.uri)}, ${category}`);
  }

  hideCard() {
    clearTimeout(this.resting);
    this.carded = -1;
    this.card.hidden = true;
    this.box.classList.remove("over");
  }

  bindKeys() {
    const group = "The map";
    const within = "#stage";
    const pan = (/** @type {number} */ dx, /** @type {number} */ dy) => () => { this.zoom.pan(dx, dy); this.rest(0, 0, true); };
    const zoom = (/** @type {number} */ factor) => () => { this.zoom.zoom(factor); this.rest(0, 0, true); };
    const arrows = { shown: "← → ↑ ↓", does: "Move the map", group, within };
    bind(
      { keys: ["ArrowLeft"], ...arrows, run: pan(90, 0) },
      { keys: ["ArrowRight"], ...arrows, run: pan(-90, 0) },
      { keys: ["ArrowUp"], ...arrows, run: pan(0, 90) },
      { keys: ["ArrowDown"], ...arrows, run: pan(0, -90) },
      { keys: ["+", "="], shown: "+", does: "Closer", group, within, run: zoom(1.5) },
      { keys: ["-"], does: "Further away", group, within, run: zoom(1 / 1.5) },
      { keys: ["0"], does: "All of it", group, within, run: () => this.zoom.fit() },
      { keys: ["Enter"], does: "Open the picture in the middle", group, within, run: (event) => {
        if (event.target !== this.box) return false;
        const at = this.middle(Infinity);
        if (at >= 0) this.turns.open(at);
        return undefined;
      } },
      { keys: ["l"], does: "Draw a line around pictures, to select them; also Shift and drag", group, run: () => (this.points.count ? this.lassoing(!this.drawing) : false) },
      { keys: ["a"], does: "Select all that is in sight", group, within, run: () => this.turns.drawn(this.sightPolygon()) },
      { keys: ["Escape"], does: "Leave the line, or the selection", group, run: () => {
        if (this.drawing) this.lassoing(false);
        else return this.turns.leave() ? undefined : false;
        return undefined;
      } },
    );
  }

  /** What is to be seen, in words. */
  told() {
    const sight = Number(this.box.dataset.sight ?? 0);
    return sight < this.points.count ? `${count(sight)} of ${counted(this.points.count, "picture")} in sight` : counted(this.points.count, "picture");
  }
}
