// Pictures selected on the map, as a list: seen, saved, searched for together.

import { el, say } from "../parts/dom.js";
import { Grid } from "../parts/grid.js";
import { save } from "../parts/results.js";
import { complain } from "../parts/toast.js";
import * as words from "../parts/words.js";

/** @typedef {import("../parts/types.js").Picture} Picture */
/** @typedef {(ids: number[]) => Promise<Map<number, Picture>>} Facts */

const STEP = 500; // pictures more at a time

/** @param {Picture[]} pictures @param {(id: number) => string} category */
export function csv(pictures, category) {
  const quoted = (/** @type {unknown} */ value) => {
    const text = String(value ?? "");
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const rows = pictures.map((one) => [one.uri, category(one.id), one.width, one.height, one.bytes, one.format].map(quoted).join(","));
  return ["uri,category,width,height,bytes,format", ...rows, ""].join("\r\n");
}

export class Picked {
  /**
   * @param {{section: HTMLElement, head: HTMLElement, results: HTMLElement, more: HTMLElement}} boxes
   * @param {{facts: Facts, open: (list: Picture[], at: number, closed: (at: number) => void) => void, category: (id: number) => string, clear: () => void, together: (ids: number[]) => void}} to
   */
  constructor(boxes, to) {
    this.boxes = boxes;
    this.to = to;
    /** @type {number[]} */ this.ids = [];
    this.upTo = 0;
    this.asked = 0;
    this.title = "";
    this.grid = new Grid(boxes.results, {
      open: (tile, tiles) => to.open(tiles.map((one) => one.picture), tiles.indexOf(tile), (at) => this.grid.moveTo(at)),
      caption: (tile) => [el("span.tile-name", {}, words.name(tile.picture.uri))],
      captionHeight: 30,
      rowHeight: 150,
      selectable: true,
      selected: () => this.drawHead(),
    });
  }

  /** @param {number[]} ids @param {string} title */
  async show(ids, title) {
    this.ids = ids;
    this.title = title;
    this.upTo = 0;
    this.grid.chosen.clear();
    this.boxes.section.hidden = false;
    document.body.classList.add("with-selection");
    this.drawHead();
    say(`${words.counted(ids.length, "picture")} selected`);
    await this.more();
  }

  async more() {
    this.asked += 1;
    const mine = this.asked;
    this.upTo = Math.min(this.upTo + STEP, this.ids.length);
    const wanted = this.ids.slice(0, this.upTo);
    try {
      const held = await this.to.facts(wanted);
      if (mine !== this.asked) return;
      const found = wanted.map((id) => held.get(id)).filter((one) => one !== undefined);
      this.grid.show([{ key: "picked", tiles: found.map((picture) => ({ key: String(picture.id), picture })) }]);
      const left = this.ids.length - this.upTo;
      this.boxes.more.replaceChildren(left ? el("button.quiet", { type: "button", onclick: () => void this.more() }, `Show ${words.count(Math.min(left, STEP))} more of ${words.count(left)}`) : "");
    } catch (error) {
      complain(error);
    }
  }

  drawHead() {
    const some = [...this.grid.chosen].map(Number);
    const used = some.length ? some : this.ids;
    this.boxes.head.replaceChildren(
      el("h2", {}, this.title + (some.length ? `, ${words.count(some.length)} of them chosen` : "")),
      el("button.small", { type: "button", onclick: () => void this.save(used) }, "Save as CSV"),
      used.length > 1 && used.length <= 16 ? el("button.small", { type: "button", onclick: () => this.to.together(used) }, "Search for them together") : "",
      some.length ? el("button.small.quiet", { type: "button", onclick: () => this.grid.clear() }, "Choose none") : "",
      el("button.small.quiet", { type: "button", onclick: () => this.to.clear() }, "Close"),
    );
  }

  /** @param {number[]} ids */
  async save(ids) {
    try {
      const held = await this.to.facts(ids);
      save("lookalike-map.csv", csv(ids.map((id) => held.get(id)).filter((one) => one !== undefined), this.to.category));
    } catch (error) {
      complain(error);
    }
  }

  hide() {
    this.asked += 1;
    this.ids = [];
    this.boxes.section.hidden = true;
    document.body.classList.remove("with-selection");
    this.grid.show([]);
  }
}
