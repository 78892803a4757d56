// A justified grid: rows of equal width, pictures whole. Of a long list only what is near the window exists as elements.

import { el, styled } from "./dom.js";
import { bind } from "./keys.js";
import { image } from "./pictures.js";
import { name } from "./words.js";

/** @typedef {import("./types.js").Picture} Picture */
/**
 * @typedef {object} Tile
 * @property {string} key
 * @property {Picture} picture
 * @property {number} [copies] How many files stand behind it, if more than one.
 * @property {string} [badge] What says so.
 * @property {boolean} [unfolded] They are shown beside it.
 */
/**
 * @typedef {object} Section
 * @property {string} key
 * @property {string} [title]
 * @property {string} [note]
 * @property {Tile[]} tiles
 */
/** @typedef {{tile: Tile, index: number, list: HTMLElement, x: number, y: number, width: number, height: number}} Place */

const GAP = 10;
const HEAD = 48;
const NEXT_HEAD = 74;
const BETWEEN = 28;
const LIMITS = [0.45, 3.2]; // of width / height: beyond, a picture is shown whole within such a frame

export class Grid {
  /**
   * @param {HTMLElement} container
   * @param {{open: (tile: Tile, tiles: Tile[]) => void, caption?: (tile: Tile) => Node[], captionHeight?: number, rowHeight?: number, selectable?: boolean, unfold?: (tile: Tile) => void, selected?: (keys: string[]) => void}} options
   */
  constructor(container, options) {
    this.container = container;
    this.options = options;
    this.container.classList.add("grid");
    /** @type {Section[]} */ this.sections = [];
    /** @type {Place[]} */ this.places = [];
    /** @type {Map<string, HTMLLIElement>} */ this.items = new Map();
    /** @type {Map<string, {list: HTMLUListElement, head: HTMLElement | null}>} */ this.lists = new Map();
    /** @type {Set<string>} */ this.chosen = new Set();
    this.at = 0;
    this.anchor = 0;
    this.frame = 0;
    const soon = () => { this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.render(); }); };
    addEventListener("scroll", soon, { passive: true });
    let width = 0;
    new ResizeObserver(() => {
      if (container.clientWidth === width) return;
      width = container.clientWidth;
      this.layOut();
    }).observe(container);
    this.bindKeys();
  }

  /** All tiles, in the order shown. */
  get tiles() {
    return this.places.map((place) => place.tile);
  }

  /** @param {Section[]} sections */
  show(sections) {
    this.sections = sections.filter((section) => section.tiles.length);
    for (const [key, { list, head }] of this.lists) {
      if (!this.sections.some((section) => section.key === key)) {
        list.remove();
        head?.remove();
        this.lists.delete(key);
      }
    }
    const keys = new Set(this.sections.flatMap((section) => section.tiles.map((tile) => tile.key)));
    for (const [key, item] of this.items) {
      if (!keys.has(key)) {
        item.remove();
        this.items.delete(key);
      }
    }
    for (const key of this.chosen) if (!keys.has(key)) this.chosen.delete(key);
    for (const section of this.sections) {
      const held = this.lists.get(section.key) ?? { list: el("ul", { role: "list" }), head: section.title ? el("div.grid-head", {}, el("h2"), el("p.hint")) : null };
      this.lists.set(section.key, held);
      if (held.head) {
        held.head.children[0].textContent = section.title ?? "";
        held.head.children[1].textContent = section.note ?? "";
        this.container.append(held.head);
      }
      held.list.setAttribute("aria-label", section.title ?? "Pictures");
      this.container.append(held.list);
    }
    this.layOut(true);
    this.options.selected?.([...this.chosen]);
  }

  /** Puts every tile's place, then draws those in sight. @param {boolean} [renew] Captions may have changed. */
  layOut(renew = false) {
    const width = this.container.clientWidth;
    if (!width) return;
    const target = (this.options.rowHeight ?? 210) * (width < 600 ? 0.66 : 1);
    const caption = this.options.captionHeight ?? 0;
    this.places = [];
    let y = 0;
    for (const section of this.sections) {
      const held = this.lists.get(section.key);
      if (!held) continue;
      const first = y === 0;
      if (!first) y += BETWEEN;
      if (held.head) {
        styled(held.head, { transform: `translateY(${y}px)` });
        y += first ? HEAD : NEXT_HEAD;
      }
      /** @type {Tile[]} */
      let row = [];
      const shape = (/** @type {Tile} */ { picture }) => Math.min(Math.max(picture.width / Math.max(picture.height, 1), LIMITS[0]), LIMITS[1]);
      const flush = (/** @type {boolean} */ last) => {
        const sum = row.reduce((total, tile) => total + shape(tile), 0);
        const full = (width - GAP * (row.length - 1)) / sum;
        const height = last ? Math.min(full, target) : full;
        let x = 0;
        for (const tile of row) {
          const wide = height * shape(tile);
          this.places.push({ tile, index: this.places.length, list: held.list, x, y, width: wide, height });
          x += wide + GAP;
        }
        y += height + caption + GAP;
        row = [];
      };
      for (const tile of section.tiles) {
        row.push(tile);
        const sum = row.reduce((total, one) => total + shape(one), 0);
        if (target * sum + GAP * (row.length - 1) >= width) flush(false);
      }
      if (row.length) flush(true);
    }
    styled(this.container, { height: `${Math.max(Math.round(y - GAP), 0)}px` });
    this.at = Math.min(this.at, Math.max(this.places.length - 1, 0));
    this.render(renew);
  }

  /** @param {boolean} [renew] */
  render(renew = false) {
    const top = -this.container.getBoundingClientRect().top;
    const near = [top - innerHeight, top + 2 * innerHeight];
    const caption = this.options.captionHeight ?? 0;
    const focused = document.activeElement?.closest?.(".tile");
    const had = focused instanceof HTMLElement && this.container.contains(focused) ? focused.dataset.key : undefined;
    /** @type {Map<HTMLElement, number>} */
    const next = new Map();
    for (const place of this.places) {
      const { tile, list, index } = place;
      const inSight = place.y + place.height + caption >= near[0] && place.y <= near[1];
      let item = this.items.get(tile.key);
      let before = "";
      if (!inSight && tile.key !== had && index !== this.at) {
        item?.remove();
        this.items.delete(tile.key);
        continue;
      }
      if (!item || renew) {
        const made = this.make(place);
        if (item) {
          const picture = item.querySelector("img");
          const fresh = made.querySelector("img");
          if (picture && fresh && item.dataset.version === made.dataset.version) fresh.replaceWith(picture); // it is loaded
          before = item.style.getPropertyValue("transform");
          item.remove();
        }
        item = made;
        this.items.set(tile.key, item);
      }
      const position = next.get(list) ?? 0;
      if (list.children[position] !== item) list.insertBefore(item, list.children[position] ?? null);
      next.set(list, position + 1);
      this.put(item, place);
      this.glide(item, before);
    }
    if (had !== undefined && document.activeElement === document.body) this.items.get(had)?.querySelector("button")?.focus({ preventScroll: true });
  }

  /** Lets a picture that was elsewhere be seen to move. @param {HTMLLIElement} item @param {string} before */
  glide(item, before) {
    const now = item.style.getPropertyValue("transform");
    if (!before || before === now || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    item.animate([{ transform: before }, { transform: now }], { duration: 260, easing: "cubic-bezier(.2, .7, .2, 1)" });
  }

  /** @param {HTMLLIElement} item @param {Place} place */
  put(item, { tile, index, x, y, width, height }) {
    styled(item, { transform: `translate(${x}px, ${y}px)`, width: `${width}px`, "--picture-height": `${height}px` });
    item.setAttribute("aria-posinset", String(index + 1));
    item.setAttribute("aria-setsize", String(this.places.length));
    const picture = item.querySelector("img");
    if (picture && picture.sizes !== `${Math.ceil(width)}px`) picture.sizes = `${Math.ceil(width)}px`;
    const button = item.querySelector("button");
    if (button) button.tabIndex = index === this.at ? 0 : -1;
    const check = item.querySelector("input");
    if (check) check.checked = this.chosen.has(tile.key);
    item.classList.toggle("chosen", this.chosen.has(tile.key));
  }

  /** @param {Place} place @returns {HTMLLIElement} */
  make({ tile, width }) {
    const button = el(
      "button.tile-open",
      { type: "button", title: tile.picture.uri, onclick: (/** @type {MouseEvent} */ event) => this.clicked(event, tile), onfocus: () => this.moveTo(this.indexOf(tile), false) },
      el("span.tile-picture", {}, image(tile.picture, width)),
      this.options.caption ? el("span.tile-caption", {}, ...this.options.caption(tile)) : null,
    );
    const check = this.options.selectable
      ? el("label.tile-check", {}, el("input", { type: "checkbox", tabindex: "-1", "aria-label": `Select ${name(tile.picture.uri)}`, onclick: (/** @type {MouseEvent} */ event) => this.checked(event, tile) }))
      : null;
    const unfold = tile.badge
      ? el("button.tile-copies", { type: "button", tabindex: "-1", "aria-expanded": String(Boolean(tile.unfolded)), "aria-keyshortcuts": "E", title: tile.unfolded ? "Show one tile for them (E)" : "Show each of them (E)", onclick: () => this.options.unfold?.(tile) }, tile.badge)
      : null;
    const item = el("li.tile", { "data-key": tile.key, "data-version": tile.picture.version }, button, unfold, check);
    const picture = item.querySelector("img");
    picture?.addEventListener("error", () => item.classList.add("unreadable"));
    return item;
  }

  /** @param {Tile} tile */
  indexOf(tile) {
    return this.places.findIndex((place) => place.tile.key === tile.key);
  }

  /** @param {MouseEvent} event @param {Tile} tile */
  clicked(event, tile) {
    const index = this.indexOf(tile);
    if (this.options.selectable && (event.shiftKey || event.ctrlKey || event.metaKey)) this.choose(index, event.shiftKey);
    else this.options.open(tile, this.tiles);
  }

  /** @param {MouseEvent} event @param {Tile} tile */
  checked(event, tile) {
    this.choose(this.indexOf(tile), event.shiftKey);
  }

  /** Selects or leaves one; with `range`, all from the last one on. @param {number} index @param {boolean} range */
  choose(index, range) {
    if (range) {
      const [low, high] = [Math.min(this.anchor, index), Math.max(this.anchor, index)];
      for (let at = low; at <= high; at += 1) this.chosen.add(this.places[at].tile.key);
    } else {
      const { key } = this.places[index].tile;
      if (!this.chosen.delete(key)) this.chosen.add(key);
      this.anchor = index;
    }
    this.render();
    this.options.selected?.([...this.chosen]);
  }

  clear() {
    this.chosen.clear();
    this.render();
    this.options.selected?.([]);
  }

  /** @param {number} index @param {boolean} [focus] */
  moveTo(index, focus = true) {
    if (!this.places[index]) return;
    this.at = index;
    if (!focus) {
      for (const item of this.items.values()) {
        const button = item.querySelector("button");
        if (button) button.tabIndex = item.dataset.key === this.places[index].tile.key ? 0 : -1;
      }
      return;
    }
    const place = this.places[index];
    const top = this.container.getBoundingClientRect().top + place.y;
    const bottom = top + place.height + (this.options.captionHeight ?? 0);
    if (top < 80) scrollBy({ top: top - 90 });
    else if (bottom > innerHeight) scrollBy({ top: bottom - innerHeight + 20 });
    this.render();
    this.items.get(place.tile.key)?.querySelector("button")?.focus({ preventScroll: true });
  }

  /** The tile above or below. @param {number} way */
  beside(way) {
    const here = this.places[this.at];
    const middle = here.x + here.width / 2;
    const rows = this.places.filter((place) => (way > 0 ? place.y > here.y : place.y < here.y));
    if (!rows.length) return this.at;
    const y = way > 0 ? Math.min(...rows.map((place) => place.y)) : Math.max(...rows.map((place) => place.y));
    const row = rows.filter((place) => place.y === y);
    return row.reduce((best, place) => (Math.abs(place.x + place.width / 2 - middle) < Math.abs(best.x + best.width / 2 - middle) ? place : best)).index;
  }

  bindKeys() {
    const within = ".grid .tile";
    const group = "Pictures";
    /** @param {KeyboardEvent} event @param {number} index */
    const go = (event, index) => {
      if (!(event.target instanceof Node) || !this.container.contains(event.target)) return false;
      if (event.shiftKey && this.options.selectable) {
        if (!this.chosen.size) this.anchor = this.at;
        this.choose(Math.min(Math.max(index, 0), this.places.length - 1), true);
      }
      this.moveTo(Math.min(Math.max(index, 0), this.places.length - 1));
      return undefined;
    };
    bind(
      { keys: ["ArrowLeft"], does: "The picture before", group, within, run: (event) => go(event, this.at - 1) },
      { keys: ["ArrowRight"], does: "The next picture", group, within, run: (event) => go(event, this.at + 1) },
      { keys: ["ArrowUp"], does: "The picture above", group, within, run: (event) => go(event, this.beside(-1)) },
      { keys: ["ArrowDown"], does: "The picture below", group, within, run: (event) => go(event, this.beside(1)) },
      { keys: ["Home"], does: "The first picture", group, within, run: (event) => go(event, 0) },
      { keys: ["End"], does: "The last picture", group, within, run: (event) => go(event, this.places.length - 1) },
      { keys: ["Enter"], does: "See it large", group },
    );
    if (this.options.unfold) {
      bind({ keys: ["e"], does: "Show each copy behind a tile, or one tile again", group, within, run: (event) => {
        const tile = this.places[this.at]?.tile;
        if (!this.container.contains(/** @type {Node} */ (event.target)) || !tile?.badge) return false;
        this.options.unfold?.(tile);
        return undefined;
      } });
    }
    if (!this.options.selectable) return;
    bind(
      { keys: ["x"], does: "Select it, or not", group, within, run: (event) => (this.container.contains(/** @type {Node} */ (event.target)) ? this.choose(this.at, false) : false) },
      { keys: ["Shift+ArrowRight", "Shift+ArrowDown"], shown: "Shift + arrows", does: "Select a range", group, within, run: (event) => go(event, event.key === "ArrowRight" ? this.at + 1 : this.beside(1)) },
      { keys: ["Shift+ArrowLeft", "Shift+ArrowUp"], shown: "Shift + arrows", does: "Select a range", group, within, run: (event) => go(event, event.key === "ArrowLeft" ? this.at - 1 : this.beside(-1)) },
    );
  }
}
