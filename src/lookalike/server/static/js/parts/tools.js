// Above the results: order, how many, filters; what is selected and what can be done with it.

import { FORMATS, KS, SORTS, filterCount } from "./asked.js";
import { byId, el, symbol } from "./dom.js";
import { held } from "./shell.js";
import * as words from "./words.js";

/** @typedef {import("./asked.js").Asked} Asked */
/** @typedef {import("./types.js").SearchAnswer} SearchAnswer */
/** @typedef {import("./types.js").Filters} Filters */

/** @param {string} label @param {HTMLElement} input */
const labelled = (label, input) => el("label.labelled", {}, el("span", {}, label), input);

export class Tools {
  /** @param {HTMLElement} container @param {{change: (some: Partial<Asked>) => void, save: (face: string) => void, copies: () => void, together: () => void, compare: () => void, clear: () => void}} to */
  constructor(container, to) {
    this.to = to;
    this.told_ = el("p.hint.told", { "aria-live": "polite" });
    this.sort = el("select.small", { "aria-label": "Order", onchange: () => to.change({ sort: this.sort.value }) }, ...Object.entries(SORTS).map(([value, text]) => el("option", { value }, text)));
    this.k = el("select.small", { "aria-label": "How many", onchange: () => to.change({ k: Number(this.k.value) }) });
    this.verify = el("input", { type: "checkbox", onchange: () => to.change({ verify: this.verify.checked }) });
    this.fold = el("input", { type: "checkbox", onchange: () => to.change({ fold: this.fold.checked }) });
    this.filterButton = el("button.small.quiet", { type: "button", "aria-expanded": "false", "aria-controls": "filters", "aria-keyshortcuts": "F", onclick: () => this.openFilters() }, symbol("filter"), el("span", {}, "Filters"));
    this.form = this.filters();
    this.selection = el("div.selection", { hidden: true, role: "group", "aria-label": "Selection" });
    container.append(
      el("div.tools-row", {}, this.told_, this.filterButton, this.sort, this.k, el("label.check.small-text", { title: "Align the pixels of what is closest and say what is a copy" }, this.verify, "Verify"),
        el("label.check.small-text", { title: "Show pictures that are known to be copies of one another as one tile" }, this.fold, "Fold copies")),
      this.form,
    );
    byId("main").append(this.selection);
  }

  filters() {
    this.under = el("input.small", { type: "text", list: "roots", spellcheck: "false", placeholder: "any" });
    this.label = el("input.small", { type: "text", spellcheck: "false", placeholder: "any, or some, with commas" });
    this.after = el("input.small", { type: "date" });
    this.before = el("input.small", { type: "date" });
    this.side = el("input.small", { type: "number", min: "0", step: "1", placeholder: "any" });
    this.size = el("input.small", { type: "number", min: "0", step: "any", placeholder: "any" });
    this.formats = FORMATS.map((name) => el("input", { type: "checkbox", value: name }));
    const roots = el("datalist", { id: "roots" });
    held.then((found) => roots.append(...found.roots.map((root) => el("option", { value: root }))), () => undefined);
    return el("form.filters", { id: "filters", hidden: true, autocomplete: "off", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); this.apply(); } },
      labelled("In folder", this.under), labelled("Label (name of the folder)", this.label),
      labelled("Changed from", this.after), labelled("and before", this.before),
      labelled("Shorter side, pixels at least", this.side), labelled("File, MB at least", this.size),
      el("fieldset", {}, el("legend", {}, "Format"), el("div.formats", {}, ...this.formats.map((box, at) => el("label.check.small-text", {}, box, words.format(FORMATS[at]))))),
      el("div.filter-actions", {}, el("button.primary.small", { type: "submit" }, "Apply"), el("button.quiet.small", { type: "button", onclick: () => { this.to.change({ only: {} }); } }, "Clear all"), roots));
  }

  openFilters() {
    this.form.hidden = !this.form.hidden;
    this.filterButton.setAttribute("aria-expanded", String(!this.form.hidden));
    if (!this.form.hidden) this.under?.focus();
    else this.filterButton.focus();
  }

  apply() {
    /** @type {Filters} */
    const only = {};
    const text = (/** @type {HTMLInputElement | undefined} */ input) => input?.value.trim() ?? "";
    if (text(this.under)) only.under = [text(this.under)];
    const labels = text(this.label).split(",").map((one) => one.trim()).filter(Boolean);
    if (labels.length) only.label = labels;
    if (text(this.after)) only.after = text(this.after);
    if (text(this.before)) only.before = text(this.before);
    if (Number(text(this.side))) only.min_side = Math.round(Number(text(this.side)));
    if (Number(text(this.size))) only.min_bytes = Math.round(1e6 * Number(text(this.size)));
    const formats = (this.formats ?? []).filter((box) => box.checked).map((box) => box.value);
    if (formats.length) only.formats = formats;
    this.to.change({ only });
  }

  /** @param {Asked} asked */
  show(asked) {
    this.sort.value = asked.sort;
    this.k.replaceChildren(...[...new Set([...KS, asked.k])].sort((a, b) => a - b).map((k) => el("option", { value: String(k), selected: k === asked.k }, `${words.count(k)} at most`)));
    this.verify.checked = asked.verify && !asked.together;
    this.verify.disabled = asked.together;
    this.fold.checked = asked.fold;
    const { only } = asked;
    const count = filterCount(only);
    this.filterButton.setAttribute("aria-pressed", String(count > 0));
    if (this.filterButton.lastChild) this.filterButton.lastChild.textContent = count ? `Filters: ${count}` : "Filters";
    const put = (/** @type {HTMLInputElement | undefined} */ input, /** @type {unknown} */ value) => { if (input) input.value = value === undefined ? "" : String(value); };
    put(this.under, only.under?.[0]);
    put(this.label, only.label?.join(", "));
    put(this.after, only.after);
    put(this.before, only.before);
    put(this.side, only.min_side);
    put(this.size, only.min_bytes === undefined ? undefined : only.min_bytes / 1e6);
    this.formats?.forEach((box) => { box.checked = only.formats?.includes(box.value) ?? false; });
  }

  /** @param {SearchAnswer | null} answer @param {Asked} asked */
  told(answer, asked) {
    const found = answer?.queries[0].results.length ?? 0;
    this.told_.textContent = answer ? `${words.counted(found, "picture")}${asked.region ? " for this part" : ""} by ${answer.descriptor}, ${words.duration(answer.seconds)}` : "";
  }

  /** @param {number} count of tiles @param {number} [files] that stand behind them */
  select(count, files = count) {
    document.body.classList.toggle("selecting", count > 0);
    this.selection.hidden = count === 0;
    if (!count) return;
    this.selection.replaceChildren(el("div.selection-in", {},
      el("strong", {}, `${words.count(count)} selected${files > count ? `, ${words.count(files)} files` : ""}`),
      el("span.segments", { role: "group", "aria-label": "Save the selection" },
        ...[["csv", "Save as CSV"], ["json", "JSON"], ["txt", "Paths"]].map(([face, text]) => el("button.small", { type: "button", "aria-label": face === "csv" ? text : `Save as ${text}`, onclick: () => this.to.save(face) }, text))),
      el("button.small", { type: "button", title: "Hold them against each other, and review which may go. Nothing is removed but by a plan that you apply.", onclick: this.to.copies }, "Find copies among them"),
      count === 2 ? el("button.small", { type: "button", onclick: this.to.compare }, "Compare the two") : null,
      count > 1 && count <= 16 ? el("button.small", { type: "button", onclick: this.to.together }, "Search for them together") : null,
      el("button.small.quiet", { type: "button", onclick: this.to.clear }, "Clear"),
    ));
  }
}
