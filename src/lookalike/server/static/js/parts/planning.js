// From decisions to files: a plan with its sum and samples, applied as a job, undone in one step.

import * as api from "./api.js";
import { el } from "./dom.js";
import { FolderList } from "./folderlist.js";
import { working } from "./finder.js";
import { image } from "./pictures.js";
import { complain, toast } from "./toast.js";
import * as words from "./words.js";

/** @typedef {import("./types.js").Job} Job */
/** @typedef {import("./types.js").Plan} Plan */
/** @typedef {import("./types.js").PlanRow} PlanRow */
/** @typedef {import("./review.js").Review} Review */

const ACTS = {
  quarantine: "Put them into the library's quarantine", trash: "Put them into the trash", move: "Move them to a folder of mine", hardlink: "Replace equal files by hard links",
  reflink: "Replace equal files by reflinks", symlink: "Replace equal files by symbolic links",
  "list-only": "Only list them: touch nothing",
};
/** What an act does to how many files, as a button says it. @type {Record<string, (files: string) => string>} */
const VERBS = {
  quarantine: (files) => `Remove ${files}`, trash: (files) => `Put ${files} into the trash`, move: (files) => `Move ${files}`,
  hardlink: (files) => `Replace ${files} by hard links`, reflink: (files) => `Replace ${files} by reflinks`, symlink: (files) => `Replace ${files} by symbolic links`,
};
const VERDICTS = { "same-file": "same file", "same-pixels": "same pixels", "same-picture": "same picture", edited: "edited" };
/** @type {Record<string, string>} */
const DONE = { move: "moved", trash: "put into the trash", hardlink: "replaced by hard links", reflink: "replaced by reflinks", symlink: "replaced by symbolic links" };
const FEW = 100;

export class Planning {
  /** @param {HTMLElement} box @param {() => Review | null} review @param {(plan: number | null) => void} changed @param {() => void} acted */
  constructor(box, review, changed, acted) {
    this.review = review;
    this.changed = changed;
    this.acted = acted;
    /** @type {Map<number, string>} */ this.acts = new Map();
    this.act = el("select.small", { id: "act", onchange: () => { this.target.hidden = this.act.value !== "move"; } }, ...Object.entries(ACTS).map(([value, text]) => el("option", { value }, text)));
    this.moveTo = el("input", { type: "text", id: "move-to", spellcheck: "false", placeholder: "/home/me/Duplicates", "aria-describedby": "move-to-told" });
    this.target = el("div.labelled.act", { hidden: true }, el("label", { for: "move-to" }, "To which folder"), this.moveTo,
      el("p.hint", { id: "move-to-told" }, "On the server's machine, in no folder that is indexed: they would be found there again."));
    this.protect = new FolderList({ label: "For this plan, touch nothing in", placeholder: "no other folder" });
    this.protect.element.classList.add("act");
    this.choice = el("div.choices");
    this.made = el("section.card.made", { "aria-label": "The plan", hidden: true });
    this.progress = el("div.planning-progress", { hidden: true });
    this.outcome = el("div.outcome", { "aria-live": "polite" });
    this.runs = el("div");
    this.choosing = el("section.card", { "aria-labelledby": "choose-title" }, el("h2", { id: "choose-title" }, "Make a plan"),
        el("p.hint", {}, "Nothing is touched by a plan. It can be read, kept as a file, and applied, here or by the command lookalike apply."),
        el("label.labelled.act", { for: "act" }, el("span", {}, "What to do with the copies"), this.act), this.target, this.protect.element, this.choice);
    box.append(this.choosing, this.progress, this.made, this.outcome,
      el("section.card", { "aria-labelledby": "history-title" }, el("h2", { id: "history-title" }, "What was done"), this.runs));
  }

  async show() {
    const review = this.review();
    this.choice.replaceChildren();
    this.choosing.hidden = !review;
    if (review) {
      const { groups, goes, bytes } = review.accepted;
      const { verdict, probability } = review.filter;
      const passing = [verdict ? VERDICTS[/** @type {keyof VERDICTS} */ (verdict)] : "", probability ? `at least ${words.percent(probability)} sure` : ""].filter(Boolean).join(", ");
      this.choice.append(
        el("div.choice", {}, el("p", {}, el("strong", {}, "What you accepted"), el("span.hint", {}, `${words.counted(groups.length, "group")}: ${words.counted(goes, "picture")}, ${words.bytes(bytes)}`)),
          el("button.primary", { type: "button", disabled: !groups.length, onclick: () => void this.plan(groups) }, "Plan these")),
        el("div.choice", {}, el("p", {}, el("strong", {}, passing ? `All that pass the filter: ${passing}` : "All that were found"), el("span.hint", {}, `${words.counted(review.open, "group")}${review.open === review.total ? `: ${words.counted(review.pictures - review.total, "picture")}, ${words.bytes(review.bytes)} as proposed` : ", others are gone or decided"}; what you chose otherwise holds`)),
          el("button", { type: "button", disabled: !review.open, onclick: () => void this.plan(null) }, "Plan them all")));
    }
    await this.showHistory();
  }

  /** @param {number[] | null} groups */
  async plan(groups) {
    const review = this.review();
    if (!review) return;
    const moveTo = this.act.value === "move" ? this.moveTo.value.trim() : null;
    if (moveTo === "") { toast("Say to which folder they are to be moved.", { bad: true }); this.moveTo.focus(); return; }
    const filter = groups ? { verdict: null, probability: 0 } : { verdict: review.filter.verdict || null, probability: review.filter.probability };
    try {
      const job = await api.plan({ job: review.job.id, groups, ...filter, ...review.overrides, act: this.act.value, move_to: moveTo, protect: this.protect.values });
      this.outcome.replaceChildren();
      this.made.hidden = true;
      this.follow(job, "Looking at every file", (now) => { this.changed(now.id); void this.showPlan(now.id).then(() => this.made.querySelector("h2")?.focus()).catch(complain); });
    } catch (error) {
      complain(error);
    }
  }

  /** @param {Job} job @param {string} doing @param {(job: Job) => void} done */
  follow(job, doing, done) {
    working(this.progress, job, doing, (now) => {
      this.progress.hidden = true;
      if (now.state === "done") done(now);
      else {
        toast(now.error ? api.sentence(now.error) : "Stopped: what was done stays done, and can be undone below.", { bad: true });
        void this.showHistory().catch(complain);
      }
    });
  }

  /** @param {number} number */
  async showPlan(number) {
    const plan = await api.planned(number, 0, 1);
    const acting = plan.sum.filter((one) => one.act !== "list-only").map((one) => one.act);
    const files = words.counted(plan.files, "file");
    const listed = plan.sum.find((one) => one.act === "list-only")?.files ?? 0;
    const verb = plan.files ? `${(VERBS[acting.length === 1 ? acting[0] : ""] ?? VERBS.quarantine)(files)}, ${words.bytes(plan.bytes)}` : listed ? `Nothing to do: ${words.counted(listed, "file")} listed` : "Nothing to do";
    this.acts.set(number, acting.length === 1 ? DONE[acting[0]] ?? "removed" : "removed");
    this.made.hidden = false;
    this.made.replaceChildren(
      el("div.made-head", {},
        el("h2", { tabindex: "-1" }, verb),
        el("div.made-actions", {},
          el("a.button.small.quiet", { href: api.planFile(number, "csv"), download: `plan-${number}.csv` }, "Save as CSV"),
          el("a.button.small.quiet", { href: api.planFile(number, "jsonl"), download: `plan-${number}.jsonl` }, "Save as JSON lines"))),
      el("ul.sums", {},
        ...plan.sum.map((one) => el("li", {}, `${one.act}: ${words.counted(one.files, "file")}${one.act === "list-only" ? ", left alone" : `, ${words.bytes(one.bytes)}`}`)),
        ...plan.left_out.map((one) => el("li.hint", {}, `${words.count(one.files)} left out: ${one.reason}`))),
      plan.samples.length ? el("h3", {}, plan.samples.length < 12 ? "All of them" : "Twelve of them, at random") : "",
      el("ul.samples", {}, ...plan.samples.map(({ row, keeper }) => el("li.sample", {},
        el("div.sample-pair", {}, shown(row, "goes"), shown(keeper, "stays")),
        el("p", {}, el("strong", {}, words.name(row.uri)), ` goes, ${words.name(keeper.uri)} stays`),
        el("p.hint", {}, `${row.verdict ? words.verdict(row.verdict) : ""}: ${row.reason}`)))),
      plan.files ? el("div.made-foot", {}, el("button.primary", { type: "button", onclick: () => this.ask(number, verb) }, `Apply: ${verb.charAt(0).toLowerCase()}${verb.slice(1)}`), el("span.hint", {}, "Every file is looked at once more before it is touched. It can be undone in one step.")) : "");
  }

  /** @param {number} number @param {string} verb */
  ask(number, verb) {
    const dialog = el("dialog.sheet.ask", { "aria-labelledby": "ask-title", onclose: () => dialog.remove() },
      el("form.sheet-in", { method: "dialog" },
        el("h2", { id: "ask-title" }, `${verb}?`),
        el("p", {}, "Nothing is deleted, and it can be undone in one step."),
        el("div.made-actions", {}, el("button.primary", { type: "button", onclick: () => { dialog.close(); void this.apply(number); } }, "Apply"), el("button.quiet", { type: "submit" }, "Not now"))));
    document.body.append(dialog);
    dialog.showModal();
  }

  /** @param {number} number */
  async apply(number) {
    try {
      const job = await api.apply(number);
      this.made.hidden = true;
      this.changed(null);
      this.follow(job, "Acting", (now) => void this.ended(now).catch(complain));
    } catch (error) {
      complain(error);
    }
  }

  /** @param {Job} job */
  async ended(job) {
    const told = /** @type {Record<string, any>} */ (job.result ?? {});
    const failures = [];
    for (const state of ["refused", "displaced"]) {
      if (told[state]) failures.push(await api.acted("apply", job.id, state, FEW));
    }
    this.outcome.replaceChildren(
      el("div.notice.good.done", {},
        el("p", {}, `${words.counted(told.done ?? 0, "file")} ${this.acts.get(told.plan) ?? "removed"}, ${words.bytes(told.bytes ?? 0)}.`),
        told.run ? el("button.small", { type: "button", onclick: () => void this.undo(told.run) }, "Undo all of it") : null),
      ...failures.map((page) => el("section.card.failures", {}, el("h2", {}, `${words.counted(page.total, "file")} left alone`),
        el("ul", {}, ...page.rows.map((row) => el("li", {}, el("span.path", {}, row.uri), el("span.hint", {}, row.reason)))),
        page.total > page.rows.length ? el("p.hint", {}, `The first ${FEW} are shown.`) : null)));
    this.acted();
    await this.showHistory();
  }

  /** @param {string} run */
  async undo(run) {
    try {
      this.follow(await api.undo(run), "Bringing them back", (job) => {
        const told = /** @type {Record<string, any>} */ (job.result ?? {});
        void (async () => {
          const page = told.refused ? await api.acted("undo", job.id, "refused", FEW) : null;
          this.outcome.replaceChildren(
            el("div.notice.good.done", {}, el("p", {}, `${words.counted(told.undone ?? 0, "file")} brought back.`)),
            page ? el("section.card.failures", {}, el("h2", {}, `${words.counted(page.total, "file")} not brought back`), el("ul", {}, ...page.rows.map((row) => el("li", {}, el("span.path", {}, row.uri), el("span.hint", {}, row.reason))))) : "");
          this.acted();
          await this.showHistory();
        })().catch(complain);
      });
    } catch (error) {
      complain(error);
    }
  }

  async showHistory() {
    const runs = await api.history();
    this.runs.replaceChildren(runs.length
      ? el("ul.runs", {}, ...runs.map((run) => el("li.root", {},
        el("p", {}, el("strong", {}, words.date(run.started)), el("span.hint", {}, [`${run.acts.join(", ")}:`, `${words.counted(run.done, "file")} there, ${words.bytes(run.bytes)}`, run.undone ? `${words.count(run.undone)} brought back` : "", run.refused ? `${words.count(run.refused)} refused` : "", run.state === "done" ? "" : run.state].filter(Boolean).join(" · "))),
        run.done ? el("button.small.quiet", { type: "button", "aria-label": `Undo the run of ${words.date(run.started)}`, onclick: () => void this.undo(run.run) }, "Undo") : null)))
      : el("p.hint", {}, "Nothing was applied so far."));
  }
}

/** @param {PlanRow} row @param {string} fate */
function shown(row, fate) {
  const picture = { id: row.id, uri: row.uri, width: row.width, height: row.height, bytes: row.size ?? 0, format: null, modified: 0, version: row.version };
  return el("span.sample-picture", { "data-fate": fate }, row.id ? image(picture, 160, [128, 256]) : null, el("span.sample-fate", {}, fate));
}
