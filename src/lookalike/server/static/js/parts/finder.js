// What to look for: how sure, where, which picture to keep, which folders never to touch.

import * as api from "./api.js";
import { el, say } from "./dom.js";
import { FolderList } from "./folderlist.js";
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

const MOST_FOLDERS = 10;

/** @param {string} rule */
const inWords = (rule) => (rule.startsWith("folder:") ? `lies in ${rule.slice(7)}` : RULES[/** @type {keyof RULES} */ (rule)] ?? rule);

export class Finder {
  /** @param {HTMLElement} box @param {(job: Job, asked: boolean) => void} found whether it was asked for here */
  constructor(box, found) {
    this.found = found;
    this.rules = [...FIRST];
    this.level = el("select", { id: "level" }, ...Object.entries(LEVELS).map(([value, text]) => el("option", { value, selected: value === "same-picture" }, text)));
    this.scope = new FolderList({ label: "Only in these folders", placeholder: "the whole library" });
    this.button = el("button.primary", { type: "submit" }, "Find duplicates");
    this.list = el("ol.rules");
    this.prefer = el("input", { type: "text", id: "prefer", list: "scope-roots", spellcheck: "false", placeholder: "/home/me/Pictures/best", "aria-label": "Prefer what lies in this folder" });
    this.lacking = el("select.small", { "aria-label": "A rule to add" });
    this.adding = el("div.bar.rule-add", {}, this.lacking, el("button.small.quiet", { type: "button", onclick: () => { this.rules.push(this.lacking.value); this.showRules(); } }, "Add rule"));
    this.folders = el("ul.folders");
    this.folder = el("input", { type: "text", id: "protect", list: "scope-roots", spellcheck: "false", placeholder: "/home/me/Pictures/best" });
    this.progress = el("div.finding", { hidden: true });
    const roots = el("datalist", { id: "scope-roots" });
    held.then((known) => roots.append(...known.roots.map((root) => el("option", { value: root }))), () => undefined);
    box.append(
      el("form.finder", { autocomplete: "off", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); void this.find(); } },
        el("label.labelled", { for: "level" }, el("span", {}, "What counts as a duplicate"), this.level),
        this.scope.element,
        this.button, roots),
      el("details.more", { ontoggle: (/** @type {Event} */ event) => { if (/** @type {HTMLDetailsElement} */ (event.target).open) void this.showFolders().catch(complain); } },
        el("summary", {}, "Which picture to keep, and folders that are never touched"),
        el("div.more-in", {},
          el("section", {}, el("h2", {}, "Keep the picture that, in this order"), this.list, this.adding,
            el("form.bar", { onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); this.preferFolder(); } }, this.prefer, el("button.small", { type: "submit" }, "Prefer folder")),
            el("p.hint", {}, "The first rule by which two pictures differ decides. What is not named comes last, in the usual order.")),
          el("section", {}, el("h2", {}, "Always keep all in"), this.folders,
            el("form.bar", { onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); void this.protect(); } }, this.folder, el("button.small", { type: "submit" }, "Protect"))))),
      this.progress,
    );
    this.folder.setAttribute("aria-label", "Folder to protect");
    this.showRules();
  }

  /** Asks for what a search asked for, to be changed. @param {Job} job */
  take(job) {
    const asked = job.result?.asked;
    if (!asked) return;
    if (asked.level in LEVELS) this.level.value = asked.level;
    this.rules = asked.keep.length ? [...asked.keep] : [...FIRST];
    this.scope.set(asked.paths.length <= MOST_FOLDERS ? asked.paths : []); // more are files that were selected
    this.showRules();
  }

  showRules() {
    const move = (/** @type {number} */ at, /** @type {number} */ way) => {
      const [rule] = this.rules.splice(at, 1);
      this.rules.splice(at + way, 0, rule);
      this.showRules();
      /** @type {HTMLButtonElement | null} */ (this.list.children[at + way]?.querySelector(`[data-way="${way}"]:not(:disabled), button`))?.focus();
      say(`${inWords(rule)}: place ${at + way + 1}`);
    };
    this.list.replaceChildren(...this.rules.map((rule, at) => {
      const text = inWords(rule);
      const other = rule === "oldest" ? "newest" : rule === "newest" ? "oldest" : null;
      return el("li", {}, el("span", {}, text),
        other ? el("button.small.quiet", { type: "button", onclick: () => { this.rules[at] = other; this.showRules(); } }, other === "newest" ? "Newer instead" : "Older instead") : null,
        el("button.icon.small", { type: "button", "data-way": "-1", "aria-label": `Earlier: ${text}`, disabled: at === 0, onclick: () => move(at, -1) }, "↑"),
        el("button.icon.small", { type: "button", "data-way": "1", "aria-label": `Later: ${text}`, disabled: at === this.rules.length - 1, onclick: () => move(at, 1) }, "↓"),
        el("button.icon.small", { type: "button", "aria-label": `Leave out: ${text}`, disabled: this.rules.length === 1, onclick: () => { this.rules.splice(at, 1); this.showRules(); say(`${text}: left out`); /** @type {HTMLButtonElement | null} */ (this.list.children[Math.min(at, this.rules.length - 1)]?.querySelector("button:not(:disabled)"))?.focus(); } }, "×"));
    }));
    const one = (/** @type {string} */ rule) => (rule === "newest" ? "oldest" : rule);
    const there = new Set(this.rules.map(one));
    const lacking = FIRST.filter((rule) => !there.has(rule));
    this.lacking.replaceChildren(...lacking.map((rule) => el("option", { value: rule }, inWords(rule))));
    this.adding.hidden = !lacking.length;
  }

  /** Puts a folder first among the rules. */
  preferFolder() {
    const folder = this.prefer.value.trim();
    if (!folder || this.rules.includes(`folder:${folder}`)) return;
    const folders = this.rules.filter((rule) => rule.startsWith("folder:")).length;
    if (folders >= MOST_FOLDERS) { toast(`At most ${MOST_FOLDERS} folders can be preferred.`, { bad: true }); return; }
    const at = this.rules.findIndex((rule) => !rule.startsWith("folder:"));
    this.rules.splice(at < 0 ? this.rules.length : at, 0, `folder:${folder}`);
    this.prefer.value = "";
    this.showRules();
    say(`${inWords(`folder:${folder}`)}: added`);
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
    this.preferFolder();
    try {
      this.follow(await api.duplicates({ paths: this.scope.values, level: this.level.value, keep: this.rules }), true);
    } catch (error) {
      complain(error);
    }
  }

  /** @param {Job} job @param {boolean} [asked] */
  follow(job, asked = false) {
    this.button.disabled = true;
    working(this.progress, job, "Comparing", (now) => {
      this.button.disabled = false;
      this.progress.hidden = true;
      if (now.state === "done") this.found(now, asked);
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
  const { groups, pictures, asked, left_out: left = {} } = /** @type {Record<string, any>} */ (job.result ?? {});
  const others = Object.entries(left).map(([reason, count]) => `${words.count(Number(count))} left out: ${reason}.`);
  const files = (asked?.paths ?? []).filter((/** @type {string} */ path) => /\.\w{2,5}$/.test(path)).length;
  const among = files > 1 && files === asked.paths.length ? ` among ${words.count(files)} that were selected` : "";
  return [`${words.counted(groups ?? 0, "group")} of ${words.counted(pictures ?? 0, "picture")}${among}.`, groups === 0 && among ? "None of them is a copy of another." : "", ...others].filter(Boolean).join(" ");
}

