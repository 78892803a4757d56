// The pictures of a group as cards: whole, numbered, what becomes of each, and only the facts by which they differ.

import { el } from "./dom.js";
import { image } from "./pictures.js";
import { mayGo } from "./review.js";
import * as words from "./words.js";

/** @typedef {import("./types.js").Member} Member */
/** @typedef {import("./types.js").Group} Group */

const LOSSLESS = ["PNG", "BMP", "TIFF", "GIF"];

/** @typedef {{fact: string, tell: (one: Member) => string, rank?: (one: Member) => number, word?: string, fair?: (all: Member[]) => boolean}} Fact */

/** @type {Fact[]} */
const FACTS = [
  { fact: "Size", tell: (one) => `${words.count(one.width)} × ${words.count(one.height)}`, rank: (one) => one.width * one.height, word: "largest" },
  { fact: "Format", tell: (one) => words.format(one.format), rank: (one) => Number(LOSSLESS.includes(words.format(one.format))), word: "lossless" },
  { fact: "File", tell: (one) => words.bytes(one.bytes), rank: (one) => one.bytes, word: "least compressed", fair: (all) => new Set(all.map((one) => `${one.width} ${one.height} ${one.format}`)).size === 1 },
  { fact: "Changed", tell: (one) => words.date(one.modified), rank: (one) => -Math.round(one.modified), word: "oldest" },
];

/** Folders from where they part on. @param {Member[]} members */
function folders(members) {
  const parts = members.map((one) => words.folder(one.uri).split("/"));
  let same = 0;
  while (parts.every((path) => path.length > same + 1 && path[same] === parts[0][same])) same += 1;
  return parts.map((path) => `${same > 1 ? "…/" : ""}${path.slice(same > 1 ? same : 0).join("/")}`);
}

/** The facts to show of each member, in one order for all. @param {Member[]} members @param {boolean} all also those that are the same */
export function facts(members, all) {
  const places = folders(members);
  const differs = new Set(places).size > 1;
  const rows = FACTS.map((fact) => {
    const values = members.map(fact.tell);
    const differs = new Set(values).size > 1;
    const ranks = members.map((one) => fact.rank?.(one) ?? 0);
    const best = Math.max(...ranks);
    const fair = Boolean(fact.rank) && differs && new Set(ranks).size > 1 && (fact.fair?.(members) ?? true);
    return { fact: fact.fact, differs, values, words: ranks.map((rank) => (fair && rank === best ? fact.word ?? "" : "")) };
  });
  return [...rows, { fact: "Folder", differs, values: places, words: places.map(() => "") }].filter((row) => all || row.differs);
}

/** @param {Member} member */
function evidence({ verdict, probability, evidence: why }) {
  /** @type {[string, string][]} */
  const rows = [];
  if (verdict) rows.push(["Verdict", `${words.verdict(verdict)}${probability === null ? "" : `, ${words.percent(probability)}`}`]);
  if (why?.transform) {
    rows.push(["Points that agree", words.count(why.inliers)], ["Of what is shared, agrees", words.percent(why.agreement)]);
  }
  return rows;
}

/**
 * @param {Group} group
 * @param {{goes: (member: Member) => boolean, focus: number, all: boolean, toggle: (at: number) => void, look: (at: number) => void}} to
 */
export function cards(group, { goes, focus, all, toggle, look }) {
  const rows = facts(group.members, all);
  return group.members.map((member, at) => {
    const leaves = goes(member);
    const number = String(at + 1);
    const name = words.name(member.uri);
    return el("li.member", { "data-goes": String(leaves), ...(at === focus ? { "aria-current": "true" } : {}) },
      el("button.member-look", { type: "button", title: member.uri, "aria-label": `Look at picture ${number}, ${name}`, onclick: () => look(at) }, image(member, 96, [128, 256]), el("span.member-number", { "aria-hidden": "true" }, number)),
      el("div.member-told", {},
        el("h2.member-name", { title: member.uri }, name),
        el("p.hint.member-reason", {}, member.keeper ? `Proposed to keep: ${member.reason}` : member.reason),
        mayGo(member) ? null : el("p.hint.member-held", {}, "It lies in a folder that is always kept: nothing can remove it.")),
      el("dl.member-facts", {},
          ...rows.map((row) => el("div", {}, el("dt", {}, row.fact), el("dd", {}, el("span.path", {}, row.values[at]), row.words[at] ? el("span.better", {}, row.words[at]) : null))),
          ...(all ? [...evidence(member), /** @type {[string, string]} */ (["Path", member.uri])] : []).map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, el("span.path", {}, value))))),
      mayGo(member)
        ? el("button.small.fate", { type: "button", "aria-pressed": String(leaves), "aria-label": `Remove picture ${number}, ${name}`, ...(at < 9 ? { "aria-keyshortcuts": number } : {}), onclick: () => toggle(at) }, leaves ? "Remove" : "Keep")
        : el("span.chip.plain.fate", {}, "Protected"));
  });
}
