// The query, always in sight: its picture with a crop box, its facts, the other queries beside it.

import { Crop } from "./crop.js";
import { el, symbol, styled } from "./dom.js";
import { about } from "./known.js";
import { address } from "./pictures.js";
import * as words from "./words.js";

/** @typedef {import("./asked.js").Asked} Asked */
/** @typedef {import("./types.js").Region} Region */

export class QueryPanel {
  /** @param {HTMLElement} container @param {{choose: (at: number) => void, remove: (at: number) => void, together: (on: boolean) => void, crop: (region: Region | null) => void, compare: () => void}} to */
  constructor(container, to) {
    this.to = to;
    this.shown = "";
    this.tabs = el("div.query-tabs", { role: "group", "aria-label": "Queries" });
    this.picture = el("img", { alt: "", draggable: "false" });
    this.frame = el("div.query-frame");
    this.figure = el("div.query-figure", {}, this.picture, this.frame);
    this.mean = el("div.query-mean", { hidden: true });
    this.title = el("h2.query-name");
    this.facts = el("p.hint");
    this.crop = new Crop(this.frame, to.crop);
    this.cropButton = el("button.small.quiet", { type: "button", "aria-keyshortcuts": "R", onclick: () => this.beginCrop() }, symbol("crop"), "Search a part");
    this.wholeButton = el("button.small.quiet", { type: "button", "aria-keyshortcuts": "W", onclick: () => to.crop(null) }, "Whole picture");
    this.compareButton = el("button.small.quiet", { type: "button", onclick: () => to.compare() }, "Compare with another");
    this.togetherButton = el("button.small.quiet", { type: "button", "aria-pressed": "false", onclick: () => to.together(this.togetherButton.getAttribute("aria-pressed") !== "true") }, "");
    container.append(
      this.tabs,
      el("div.query-body", {}, this.figure, this.mean,
        el("div.query-told", {}, this.title, this.facts, el("div.query-actions", {}, this.cropButton, this.wholeButton, this.compareButton, this.togetherButton))),
    );
  }

  beginCrop() {
    this.crop.begin();
  }

  /** @param {Asked} asked */
  async show(asked) {
    const several = asked.queries.length > 1;
    this.tabs.hidden = !several;
    this.mean.hidden = !asked.together;
    this.figure.hidden = asked.together;
    this.cropButton.hidden = asked.together || asked.region !== null;
    this.wholeButton.hidden = asked.region === null;
    this.compareButton.hidden = asked.together;
    this.togetherButton.hidden = !several;
    this.togetherButton.textContent = asked.queries.length === 2 ? "Both together" : `All ${asked.queries.length} together`;
    this.togetherButton.setAttribute("aria-pressed", String(asked.together));
    this.crop.set(asked.region);
    const wanted = JSON.stringify([asked.queries, asked.at, asked.together]);
    if (wanted === this.shown) return;
    this.shown = wanted;
    let all;
    try {
      all = await Promise.all(asked.queries.map(about));
    } catch {
      this.shown = "";
      this.title.textContent = "This picture cannot be shown";
      this.facts.textContent = "";
      this.picture.removeAttribute("src");
      return; // the search itself says why
    }
    if (this.shown !== wanted) return;
    const query = all[asked.at];
    this.tabs.replaceChildren(...all.map((one, at) => el("span.query-tab", {},
      el("button", { type: "button", "aria-pressed": String(!asked.together && at === asked.at), "aria-label": one.name, title: one.name, onclick: () => this.to.choose(at) },
        el("img", { src: address(one.held, 128, one.version), alt: "" })),
      el("button.query-drop", { type: "button", "aria-label": `Leave out ${one.name}`, onclick: () => this.to.remove(at) }, symbol("close")))));
    if (asked.together) {
      this.mean.replaceChildren(...all.slice(0, 4).map((one) => el("img", { src: address(one.held, 256, one.version), alt: one.name })));
      this.title.textContent = `${all.length} pictures together`;
      this.facts.textContent = "What lies between them is looked for.";
      return;
    }
    styled(this.figure, { "aspect-ratio": `${query.width} / ${query.height}`, "--shape": String(query.width / query.height) });
    this.picture.src = address(query.held, 512, query.version);
    this.picture.alt = `The query, ${query.name}`;
    this.title.textContent = query.name;
    this.title.title = query.uri;
    this.facts.textContent = query.bytes ? `${words.count(query.width)} × ${words.count(query.height)}, ${words.bytes(query.bytes)}, ${words.format(query.format)}` : "";
  }
}
