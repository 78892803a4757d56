// A queue of groups and what was said of each: what goes, what stays, what was accepted, skipped, decided; all of it undone.

import * as api from "./api.js";

/** @typedef {import("./types.js").Group} Group */
/** @typedef {import("./types.js").Member} Member */
/** @typedef {import("./types.js").Job} Job */
/** @typedef {"accepted" | "skipped" | "kept" | "apart"} State */
/** @typedef {{state: State, at: number, goes: number, bytes: number, decision?: number}} Said */
/** @typedef {{group: number, at: number, said: Said | null, marks: [number, boolean | null][], decision: number | null}} Step */
/** @typedef {{verdict: string, probability: number}} Filter */

const PAGE = 20;
const COPIES = ["same-file", "same-pixels", "same-picture", "edited"];

/** Whether it could ever be removed. @param {Member} member */
export const mayGo = (member) => !member.protected;

export class Review {
  /** @param {Job} job @param {Filter} filter */
  constructor(job, filter) {
    this.job = job;
    this.filter = filter;
    this.total = 0;
    this.pictures = 0;
    this.bytes = 0;
    /** @type {Map<number, Promise<Group[]>>} */ this.pages = new Map();
    /** @type {Map<number, boolean>} */ this.marks = new Map();
    /** @type {Map<number, Said>} */ this.said = new Map();
    /** @type {Step[]} */ this.log = [];
    /** @type {Map<number, {group: number, why: string}>} */ this.settled = new Map();
    /** @type {Promise<void> | null} */ this.settling = null;
    /** @type {number[] | null} */ this.over = null;
    this.key = `lookalike-review-${job.id}-${job.started}`;
    this.load();
  }

  load() {
    try {
      const held = JSON.parse(sessionStorage.getItem(this.key) ?? "null");
      if (!held) return;
      this.marks = new Map(held.marks);
      this.said = new Map(held.said);
      this.log = held.log;
    } catch {
      // storage may be forbidden: what was said holds while the page is open
    }
  }

  /** Passes a group over of which it shows only now that nothing is left. @param {number} at @param {number} group */
  passOver(at, group) {
    this.settled.set(at, { group, why: "gone" });
    this.over = null;
  }

  save() {
    this.over = null;
    try {
      sessionStorage.setItem(this.key, JSON.stringify({ marks: [...this.marks], said: [...this.said], log: this.log }));
    } catch {
      // as above, or it is full
    }
  }

  /** @param {Filter} filter */
  setFilter(filter) {
    this.filter = filter;
    this.renew();
  }

  /** What was read of the groups is old: files were moved, or others pass now. */
  renew() {
    this.pages.clear();
    this.settling = null;
  }

  /** Knows how many groups there are, and which of them need no review any more. */
  async ready() {
    await this.page(0);
    this.settling ??= api.settled(this.job.id, this.filter).then((all) => {
      this.settled = new Map(all.map(({ at, group, why }) => [at, { group, why }]));
      this.over = null;
    }, (error) => {
      this.settling = null;
      throw error;
    });
    await this.settling;
  }

  /** Whether a group is passed over: its pictures are gone, or all was decided, and not just here. @param {number} at */
  hidden(at) {
    const settled = this.settled.get(at);
    if (!settled) return false;
    const said = this.said.get(settled.group)?.state;
    return settled.why === "gone" || (said !== "kept" && said !== "apart");
  }

  /** The places that are passed over, in order. */
  get passed() {
    this.over ??= [...this.settled.keys()].filter((at) => this.hidden(at)).sort((a, b) => a - b);
    return this.over;
  }

  /** How many are passed over. @param {string} why */
  passedBy(why) {
    return this.passed.filter((at) => this.settled.get(at)?.why === why).length;
  }

  /** How many groups are to be seen. */
  get open() {
    return this.total - this.passed.length;
  }

  /** The nearest group to be seen, from a place on: -1 or `total` if there is none. @param {number} at @param {number} [way] */
  nearest(at, way = 1) {
    while (at >= 0 && at < this.total && this.hidden(at)) at += way;
    return at;
  }

  /** Which of the groups to be seen is at a place, from 0. @param {number} at */
  rank(at) {
    return at - this.passed.filter((one) => one < at).length;
  }

  /** Where the groups to be seen lie, from one of them on. @param {number} rank @param {number} count */
  places(rank, count) {
    const passed = new Set(this.passed);
    const found = [];
    for (let at = 0; at < this.total && found.length < count; at += 1) {
      if (passed.has(at)) continue;
      if (rank > 0) rank -= 1;
      else found.push(at);
    }
    return found;
  }

  /** Groups of a page of the queue. @param {number} page */
  page(page) {
    let held = this.pages.get(page);
    if (!held) {
      held = api.groups(this.job.id, { offset: page * PAGE, limit: PAGE, ...this.filter }).then((told) => {
        this.total = told.total;
        this.pictures = told.pictures;
        this.bytes = told.bytes;
        return told.groups;
      });
      this.pages.set(page, held);
      held.catch(() => this.pages.delete(page));
    }
    return held;
  }

  /** A group of the queue; undefined behind its end. @param {number} at @returns {Promise<Group | undefined>} */
  async group(at) {
    return (await this.page(Math.floor(at / PAGE)))[at % PAGE];
  }

  /** @param {Member} member */
  goes(member) {
    if (!mayGo(member)) return false;
    return this.marks.get(member.id) ?? (!member.keeper && COPIES.includes(member.verdict ?? ""));
  }

  /** What accepting a group would do. @param {Group} group */
  effect(group) {
    const going = group.members.filter((member) => this.goes(member));
    return { goes: going.length, bytes: going.reduce((sum, member) => sum + (member.hardlink ? 0 : member.bytes), 0) };
  }

  /** @param {State} state */
  count(state) {
    return this.lively.filter(([, said]) => said.state === state).length;
  }

  /** What was said of groups that are not gone since. */
  get lively() {
    const passed = new Set(this.passed.map((at) => this.settled.get(at)?.group));
    return [...this.said].filter(([group]) => !passed.has(group));
  }

  /** What was accepted, all together. */
  get accepted() {
    const all = this.lively.filter(([, said]) => said.state === "accepted");
    return {
      groups: all.filter(([, said]) => said.goes).map(([number]) => number),
      goes: all.reduce((sum, [, said]) => sum + said.goes, 0), bytes: all.reduce((sum, [, said]) => sum + said.bytes, 0),
    };
  }

  /** @param {Group} group @param {number} at @param {number | null} [decision] */
  remember(group, at, decision = null) {
    this.log.push({
      group: group.group, at, said: this.said.get(group.group) ?? null, decision,
      marks: group.members.map((member) => [member.id, this.marks.get(member.id) ?? null]),
    });
  }

  /** Marks what goes; at least one of a group stays. @param {Group} group @param {number} at @param {Map<number, boolean>} marks @returns {boolean} whether it was done */
  mark(group, at, marks) {
    const goes = (/** @type {Member} */ member) => mayGo(member) && (marks.get(member.id) ?? this.goes(member));
    if (group.members.every(goes)) return false;
    this.remember(group, at);
    for (const [id, value] of marks) this.marks.set(id, value);
    const said = this.said.get(group.group);
    if (said?.state === "accepted") this.said.set(group.group, { ...said, ...this.effect(group) });
    this.save();
    return true;
  }

  /** @param {Group} group @param {number} at @param {State} state @param {number} [decision] of the library */
  say(group, at, state, decision) {
    this.remember(group, at, decision ?? null);
    const effect = state === "accepted" ? this.effect(group) : { goes: 0, bytes: 0 };
    this.said.set(group.group, { state, at, ...effect, ...(decision === undefined ? {} : { decision }) });
    this.save();
  }

  /** Takes the last step back; returns where it was. @returns {Promise<number | null>} */
  async undo() {
    const step = this.log[this.log.length - 1];
    if (!step) return null;
    if (step.decision !== null) {
      await api.undoDecisions([step.decision]);
      this.settling = null;
      await this.ready();
    }
    this.log.pop();
    for (const [id, value] of step.marks) {
      if (value === null) this.marks.delete(id);
      else this.marks.set(id, value);
    }
    if (step.said) this.said.set(step.group, step.said);
    else this.said.delete(step.group);
    this.save();
    return step.at;
  }

  /** Where the first of those lies that were skipped; null if none was. */
  get firstSkipped() {
    const all = this.lively.filter(([, said]) => said.state === "skipped").map(([, said]) => said.at);
    return all.length ? Math.min(...all) : null;
  }

  /** What was said of pictures against what was proposed, as a plan takes it. */
  get overrides() {
    const all = [...this.marks];
    return { keep: all.filter(([, goes]) => !goes).map(([id]) => id), remove: all.filter(([, goes]) => goes).map(([id]) => id) };
  }
}
