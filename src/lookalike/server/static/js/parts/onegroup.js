// One group of the queue: two of its pictures laid upon each other, all of them as cards, and what can be said of it.

import { address } from "./pictures.js";
import { byId, el, say } from "./dom.js";
import { cards } from "./members.js";
import { thumbnail } from "./api.js";
import { MODES, Stage } from "./stage.js";
import * as words from "./words.js";

/** @typedef {import("./types.js").Group} Group */
/** @typedef {import("./types.js").Member} Member */
/** @typedef {import("./review.js").Review} Review */

const SIDE = 2048;
const IDENTITY = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
/** @type {Set<string>} */
const fetched = new Set();

/** Lets the browser have pictures before they are asked for. @param {Group | undefined} group */
export function prefetch(group) {
  for (const member of group?.members.slice(0, 2) ?? []) {
    const src = thumbnail(member.id, SIDE, member.version);
    if (fetched.has(src)) continue;
    fetched.add(src);
    const img = new Image();
    img.src = src;
    void img.decode().catch(() => undefined);
  }
}

export class OneGroup {
  /** @param {{toggle: (at: number) => void}} to */
  constructor(to) {
    this.to = to;
    /** @type {Group | null} */ this.group = null;
    /** @type {Review | null} */ this.review = null;
    this.focus = 1;
    this.other = 1;
    this.all = false;
    this.laid = "";
    this.stage = new Stage(byId("stage"), () => this.buttons());
    if (innerWidth < 760) this.stage.mode = "slider";
    this.gain = el("input", { type: "range", min: "1", max: "12", step: "1", value: "3", oninput: () => this.stage.setGain(Number(this.gain.value)) });
  }

  /** @param {Review} review @param {Group} group */
  show(review, group) {
    this.review = review;
    if (this.group?.group !== group.group) {
      this.focus = this.other = Math.min(1, group.members.length - 1);
      byId("members").scrollTo({ top: 0, left: 0 });
    }
    this.group = group;
    this.lay();
    this.draw();
  }

  /** Lays the picture that is looked at upon the one that was proposed to keep. */
  lay() {
    const members = this.group?.members ?? [];
    const [a, b] = [members[this.other], members[0]];
    if (!a || !b) return;
    const layer = (/** @type {Member} */ one, /** @type {number} */ at) => ({ src: address({ id: one.id }, SIDE, one.version), name: `${at + 1}  ${words.name(one.uri)}`, width: one.width, height: one.height });
    const same = a.verdict === "same-file" || a.verdict === "same-pixels";
    const key = `${a.id} ${b.id}`;
    if (key === this.laid) return;
    this.laid = key;
    this.stage.flipped = false;
    this.stage.show([layer(a, this.other), layer(b, 0)], a.evidence?.transform ?? (same ? IDENTITY : null));
    this.buttons();
    const line = byId("why");
    line.replaceChildren(
      el(`span.chip.${words.kind(a.verdict)}`, {}, `${words.verdict(a.verdict ?? "no verdict")}${a.probability === null || a.probability === 1 ? "" : ` · ${words.percent(a.probability)}`}`),
      el("p", {}, `${words.name(a.uri)}: ${a.reason}.`));
  }

  draw() {
    const { group, review } = this;
    if (!group || !review) return;
    const box = byId("members");
    const within = document.activeElement instanceof HTMLElement && box.contains(document.activeElement) ? document.activeElement : null;
    const card = within?.closest("li");
    const at = card ? [...box.children].indexOf(card) : -1;
    const which = within?.classList.contains("fate") ? ".fate" : ".member-look";
    box.replaceChildren(...cards(group, { goes: (member) => review.goes(member), focus: this.focus, all: this.all, toggle: this.to.toggle, look: (index) => this.look(index) }));
    if (at >= 0) /** @type {HTMLElement | null} */ (box.children[at]?.querySelector(which))?.focus({ preventScroll: true });
  }

  /** @param {number} at */
  look(at) {
    if (!this.group?.members[at]) return;
    this.focus = at;
    if (at > 0) this.other = at;
    this.lay();
    this.draw();
    byId("members").children[at]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** @param {boolean} [full] */
  full(full = !document.body.classList.contains("full")) {
    document.body.classList.toggle("full", full);
    say(full ? "Full view" : "Full view left");
  }

  facts() {
    this.all = !this.all;
    this.draw();
    say(this.all ? "All facts" : "Only the facts that differ");
  }

  buttons() {
    const { mode } = this.stage;
    byId("modes").replaceChildren(
      el("div.segments", { role: "group", "aria-label": "How to look" }, ...MODES.map((one) => el("button.small.quiet", { type: "button", "aria-pressed": String(one.mode === mode), onclick: () => this.stage.setMode(one.mode) }, one.label))),
      mode === "difference" ? el("label.check.small-text", {}, "Strength", this.gain) : "",
      this.stage.transform ? "" : el("span.hint", {}, "No way was found to lay one upon the other."),
      el("div.segments.end", { role: "group", "aria-label": "Zoom" },
        el("button.small.quiet", { type: "button", "aria-label": "Further away", onclick: () => this.stage.zoom.zoom(1 / 1.5) }, "−"),
        el("button.small.quiet", { type: "button", onclick: () => this.stage.zoom.fit() }, "Fit"),
        el("button.small.quiet", { type: "button", "aria-label": "Closer", onclick: () => this.stage.zoom.zoom(1.5) }, "+"),
        el("button.small.quiet", { type: "button", "aria-keyshortcuts": "V", onclick: () => this.full() }, "Full")),
    );
  }
}
