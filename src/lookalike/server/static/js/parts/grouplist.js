// The same queue as a list, page by page.

import { el } from "./dom.js";
import { image } from "./pictures.js";
import * as words from "./words.js";

/** @typedef {import("./types.js").Group} Group */
/** @typedef {import("./review.js").Review} Review */

export const ROWS = 20;
const SHOWN = 5;
const STATES = { accepted: "accepted", skipped: "skipped", kept: "all kept", apart: "not duplicates" };

/** What a group is, in words. @param {Group} group */
export function summary(group) {
  const weakest = group.members[group.members.length - 1];
  return { verdict: weakest.verdict, probability: weakest.probability, keeper: group.members[0] };
}

/** @param {Review} review @param {Group} group @param {number} at @param {(at: number) => void} open */
function row(review, group, at, open) {
  const { goes, bytes } = review.effect(group);
  const said = review.said.get(group.group);
  const names = group.members.map((member) => words.name(member.uri));
  return el("li.group-row", {},
    el("button.group-open", { type: "button", onclick: () => open(at) },
      el("span.group-number", {}, words.count(review.rank(at) + 1)),
      el("span.group-thumbs", {},
        ...group.members.slice(0, SHOWN).map((member) => el("span.group-thumb", { "data-goes": String(review.goes(member)) }, image(member, 84, [128, 256]))),
        group.members.length > SHOWN ? el("span.hint", {}, `and ${group.members.length - SHOWN} more`) : null),
      el("span.group-told", {},
        el("strong", {}, names[0]),
        el("span.hint", {}, group.members[1]?.reason ?? "")),
      el("span.group-effect", {}, said ? el("span.chip.plain", {}, STATES[said.state]) : null, el("span", {}, goes ? `Remove ${goes}, ${words.bytes(bytes)}` : "Remove nothing"))));
}

/** @param {HTMLElement} box @param {Review} review @param {number} at @param {(at: number) => void} open @param {(page: number) => void} turn */
export async function list(box, review, at, open, turn) {
  const total = review.open;
  const last = Math.max(Math.ceil(total / ROWS) - 1, 0);
  const page = Math.max(Math.min(Math.floor(review.rank(at) / ROWS), last), 0);
  const places = review.places(page * ROWS, ROWS);
  const groups = await Promise.all(places.map((place) => review.group(place)));
  box.replaceChildren(
    groups.length ? el("ol.group-rows", { start: String(page * ROWS + 1), "aria-label": "Groups" }, ...groups.map((group, index) => group && row(review, group, places[index], open))) : el("p.hint", {}, "No group passes the filter."),
    el("div.pager", { hidden: last === 0 },
      el("button.small.quiet", { type: "button", onclick: () => turn(page - 1), ...(page === 0 ? { disabled: true } : {}) }, "Before"),
      el("span.hint", {}, `${words.count(page * ROWS + 1)} to ${words.count(page * ROWS + groups.length)} of ${words.count(total)}`),
      el("button.small.quiet", { type: "button", onclick: () => turn(page + 1), ...(page >= last ? { disabled: true } : {}) }, "Next")));
}
