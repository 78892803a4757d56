// What to look for: how sure, where, which picture to keep, which folders never to touch.

import * as api from "./api.js";
import { el, say } from "./dom.js";
import { held } from "./shell.js";
import { complain, toast } from "./toast.js";
import * as words from "./words.js";

/** @typedef {import("./types.js").Job} Job */

const LEVELS = {
  "same-file": "Equal files", "same-pixels": "Equal pixels, whatever the file", "same-picture": "The same picture: smaller, recompressed, in another format",
  edited: "Edited, too: cropped, turned, coloured, written on",
};

const RULES = {
  uncropped: "shows all of it", upright: "is upright", unaltered: "is unaltered", colour: "is in colour", pixels: "has more pixels", lossless: "is lossless",
  quality: "is less compressed", metadata: "says when and by which camera", complete: "has its RAW, film or sidecars beside it", oldest: "is older", newest: "is newer", name: "has the plainer name",
};

const FIRST = ["uncropped", "upright", "unaltered", "colour", "pixels", "lossless", "quality", "metadata", "complete", "oldest", "name"];

export class Finder {
  /** @param {HTMLElement} box @param {(job: Job) => void} found */
  constructor(box, found) {
    this.found = found;
    this.rules = [...FIRST];
    this.level = el("select", { id: "level" }, ...Object.entries(LEVELS).map(([value, text]) => el("option", { value, selected: value === "same-picture" }, text)));
    this.scope = el("input", { id: "scope", type: "text", list: "scope-roots", spellcheck: "false", placeholder: "the whole library" });
    this.button = el("button.primary", { type: "submit" }, "Find duplicates");
    this.list = el("ol.rules");
    this.before = el("input", { type: "text", id: "prefer", list: "scope-roots", spellcheck: "false", placeholder: "no folder" });
    this.folders = el("ul.folders");
    this.folder = el("input", { type: "text", id: "protect", list: "scope-roots", spellcheck: "false", placeholder: "/home/me/Pictures/best" });
    this.progress = el("div.finding", { hidden: true });
    const roots = el("datalist", { id: "scope-roots" });
    held.then((known) => roots.append(...known.roots.map((root) => el("option", { value: root }))), () => undefined);
    box.append(
      el("form.finder", { autocomplete: "off", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); void this.find(); } },
        el("label.labelled", { for: "level" }, el("span", {}, "What counts as a duplicate"), this.level),
        el("label.labelled", { for: "scope" }, el("span", {}, "Only in this folder"), this.scope),
        this.button, roots),
      el("details.more", { ontoggle: (/** @type {Event} */ event) => { if (/** @type {HTMLDetailsElement} */ (event.target).open) void this.showFolders().catch(complain); } },
        el("summary", {}, "Which picture to keep, and folders that are never touched"),
        el("div.more-in", {},
          el("section", {}, el("h3", {}, "Keep the picture that, in this order"), el("label.labelled", { for: "prefer" }, el("span", {}, "first of all: lies in"), this.before), this.list),
          el("section", {}, el("h3", {}, "Always keep all in"), this.folders,
            el("form.bar", { onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); void this.protect(); } }, this.folder, el("button.small", { type: "submit" }, "Protect"))))),
      this.progress,
    );
    this.folder.setAttribute("aria-label", "Folder to protect");
    this.showRules();
  }

  showRules() {
    const move = (/** @type {number} */ at, /** @type {number} */ way) => {
      const [rule] = this.rules.splice(at, 1);
      this.rules.splice(at + way, 0, rule);
      this.showRules();
      /** @type {HTMLButtonElement | null} */ (this.list.children[at + way]?.querySelector(`[data-way="${way}"]:not(:disabled), button`))?.focus();
      say(`${RULES[/** @type {keyof RULES} */ (rule)]}: place ${at + way + 1}`);
    };
    this.list.replaceChildren(...this.rules.map((rule, at) => {
      const text = RULES[/** @type {keyof RULES} */ (rule)];
      const other = rule === "oldest" ? "newest" : rule === "newest" ? "oldest" : null;
      return el("li", {}, el("span", {}, text),
        other ? el("button.small.quiet", { type: "button", onclick: () => { this.rules[at] = other; this.showRules(); } }, `Rather: ${RULES[other]}`) : null,
        el("button.icon.small", { type: "button", "data-way": "-1", "aria-label": `Earlier: ${text}`, disabled: at === 0, onclick: () => move(at, -1) }, "↑"),
        el("button.icon.small", { type: "button", "data-way": "1", "aria-label": `Later: ${text}`, disabled: at === this.rules.length - 1, onclick: () => move(at, 1) }, "↓"));
    }));
  }

  async showFolders() {
    const all = (await api.decisions()).filter((one) => one.decision === "keep-folder");
    this.folders.replaceChildren(...all.map((one) => el("li.root", {}, el("span.path", {}, one.uris[0]),
      el("button.small.quiet", { type: "button", "aria-label": `Protect ${one.uris[0]} no longer`, onclick: () => void api.undoDecisions([one.id]).then(() => this.showFolders()).catch(complain) }, "Remove"))));
    if (!all.length) this.folders.append(el("li.hint", {}, "No folder so far."));
  }

  async protect() {
    const folder = this.folder.value.trim();
    if (!folder) return;
    try {
      await api.decide({ decision: "keep-folder", folder });
      this.folder.value = "";
      await this.showFolders();
      toast("Protected from the next search on.");
    } catch (error) {
      complain(error);
    }
  }

  async find() {
    const scope = this.scope.value.trim();
    const prefer = this.before.value.trim();
    try {
      this.follow(await api.duplicates({ paths: scope ? [scope] : [], level: this.level.value, keep: [...(prefer ? [`folder:${prefer}`] : []), ...this.rules] }));
    } catch (error) {
      complain(error);
    }
  }

  /** @param {Job} job */
  follow(job) {
    this.button.disabled = true;
    working(this.progress, job, "Comparing", (now) => {
      this.button.disabled = false;
      this.progress.hidden = true;
      if (now.state === "done") this.found(now);
      else toast(now.error ? api.sentence(now.error) : "Stopped.", { bad: Boolean(now.error) });
    });
  }
}

/**
 * Shows how far a job is, with a way to stop it, until it is over.
 * @param {HTMLElement} box @param {Job} job @param {string} doing @param {(job: Job) => void} over
 */
export function working(box, job, doing, over) {
  const bar = el("progress", { max: "1", "aria-label": doing });
  const text = el("span.hint");
  box.hidden = false;
  box.replaceChildren(el("div.working", {}, bar, text, el("button.small.quiet", { type: "button", onclick: () => void api.stop(job.id).catch(complain) }, "Stop")));
  say(`${doing} …`);
  api.watch(job.id, (now) => {
    const { done, total, failed } = now.progress;
    if (total) bar.value = Math.min(done / total, 1);
    text.textContent = `${doing}${total ? `: ${words.count(done)} of ${words.count(total)}` : " …"}${failed ? `, ${words.count(failed)} refused` : ""}`;
    if (api.isOver(now)) over(now);
  });
}

/** @param {Job} job */
export function foundInWords(job) {
  const { groups, pictures, left_out: left = {} } = /** @type {Record<string, any>} */ (job.result ?? {});
  const others = Object.entries(left).map(([reason, count]) => `${words.count(Number(count))} left out: ${reason}.`);
  return [`${words.counted(groups ?? 0, "group")} of ${words.counted(pictures ?? 0, "picture")}.`, ...others].join(" ");
}

