// An answer as sections of tiles: copies, a line at the library's probability, what is alike.

import { el, styled } from "./dom.js";
import * as words from "./words.js";

/** @typedef {import("./types.js").Found} Found */
/** @typedef {import("./types.js").SearchAnswer} SearchAnswer */
/** @typedef {{key: string, picture: Found, copies: number, others: Found[], far: number, checking: boolean, badge: string, unfolded: boolean, group: string}} FoundTile */
/** @typedef {{known: number[][], fold: boolean, open: Set<string>}} Folding Which are known to be copies of one another, whether they are one tile, and those that are unfolded nevertheless. */

/** @type {Record<string, (a: Found, b: Found) => number>} */
const ORDERS = {
  closest: (a, b) => a.rank - b.rank,
  biggest: (a, b) => b.width * b.height - a.width * a.height || a.rank - b.rank,
  oldest: (a, b) => a.modified - b.modified || a.rank - b.rank,
  newest: (a, b) => b.modified - a.modified || a.rank - b.rank,
};

/** @param {Found} found @param {number} least */
const isCopy = (found, least) => words.kind(found.verdict) === "copy" && (found.probability ?? 0) >= least;

/** Which results are one picture: those of equal bytes, and those known to be copies. @param {Found[]} results @param {number[][]} known @returns {(version: string) => string} */
function alike(results, known) {
  /** @type {Map<string, string>} */
  const above = new Map();
  const top = (/** @type {string} */ one) => {
    for (let next = above.get(one); next !== undefined; next = above.get(one)) one = next;
    return one;
  };
  const join = (/** @type {string} */ a, /** @type {string} */ b) => { if (top(a) !== top(b)) above.set(top(b), top(a)); };
  const versions = new Map(results.map((one) => [one.id, one.version]));
  for (const group of known) for (const id of group) join(versions.get(group[0]) ?? "", versions.get(id) ?? "");
  return top;
}

/** Copies of one another become one tile, that of the first in this order. @param {Found[]} results @param {number} far @param {boolean} checking @param {string} section @param {Folding} folding @returns {FoundTile[]} */
export function tiles(results, far, checking, section, { known, fold, open }) {
  const group = alike(results, known);
  /** @type {Map<string, Found[]>} */
  const held = new Map();
  for (const picture of results) {
    const key = fold ? `${section} ${group(picture.version)}` : `${picture.version} ${picture.id}`;
    const same = held.get(key);
    if (same) same.push(picture);
    else held.set(key, [picture]);
  }
  return [...held].flatMap(([group, [first, ...others]]) => {
    const tile = (/** @type {Found} */ picture) => ({ key: picture === first && fold ? picture.version : `${picture.version} ${picture.id}`, picture, copies: 1, others: /** @type {Found[]} */ ([]), far, checking, badge: "", unfolded: false, group });
    const copies = 1 + others.length;
    if (copies === 1) return [tile(first)];
    const badge = `${copies} ${others.every((one) => one.version === first.version) ? "files" : "copies"}`;
    if (!open.has(group)) return [{ ...tile(first), copies, others, badge }];
    return [{ ...tile(first), badge, unfolded: true }, ...others.map(tile)];
  });
}

/**
 * @param {SearchAnswer} answer
 * @param {number} at
 * @param {string} sort
 * @param {boolean} checking Whether verified results are still to come.
 * @param {Folding} folding
 */
export function sections(answer, at, sort, checking, folding) {
  const results = [...answer.queries[at].results].sort(ORDERS[sort]);
  const far = Math.max(...results.map((found) => found.distance ?? 0), 1e-6);
  if (!answer.verified || sort !== "closest") {
    const titles = /** @type {Record<string, string>} */ ({ closest: "Closest", biggest: "Biggest first", oldest: "Oldest first", newest: "Newest first" });
    return [{ key: "rest", title: titles[sort], note: checking ? "Looking for copies among them …" : "", tiles: tiles(results, far, checking, "rest", folding) }];
  }
  const copies = results.filter((found) => isCopy(found, answer.probability));
  const rest = results.filter((found) => !copies.includes(found));
  const line = `at least ${words.percent(answer.probability)} sure`;
  const none = copies.length ? "No copies: other pictures that are alike, closest first" : `No copy among them is ${line}; closest first`;
  return [
    { key: "copies", title: copies.length === 1 ? "1 copy" : `${copies.length} copies`, note: line.charAt(0).toUpperCase() + line.slice(1), tiles: tiles(copies, far, checking, "copies", folding) },
    { key: "rest", title: "Alike", note: none, tiles: tiles(rest, far, checking, "rest", folding) },
  ];
}

/** @param {string} verdict @param {number | null} [probability] */
export function chip(verdict, probability = null) {
  const kind = words.kind(verdict);
  const sure = kind === "copy" && probability !== null && probability < 0.995 ? ` ${words.percent(probability)}` : "";
  return el(`span.chip.${kind}`, {}, words.verdict(verdict) + sure);
}

/** @param {FoundTile} tile @returns {Node[]} */
export function caption({ picture, far, checking }) {
  const bar = el("span.bar-fill");
  styled(bar, { width: `${Math.min((100 * (picture.distance ?? 0)) / far, 100)}%` });
  const verdict = picture.verdict ? chip(picture.verdict, picture.probability) : el(checking ? "span.chip.waiting" : "span.chip.none", { "aria-hidden": "true" }, "\u00a0");
  return [
    el("span.tile-row", {}, verdict),
    el("span.tile-row", {}, el("span.bar-track", { "aria-hidden": "true" }, bar), el("span.tile-distance", { title: "Distance: smaller is closer" }, words.distance(picture.distance))),
    el("span.tile-name", {}, words.name(picture.uri)),
    el("span.tile-reason", {}, picture.evidence?.reason_back ?? "\u00a0"),
  ];
}

/** What a viewer tells of a result besides its facts. @param {FoundTile} tile @returns {Node[]} */
export function story({ picture, others }) {
  const { evidence } = picture;
  const rows = /** @type {[string, string][]} */ ([["Distance", words.distance(picture.distance)]]);
  if (evidence) {
    rows.unshift(["Probability of a copy", words.percent(evidence.probability)]);
    if (words.kind(evidence.verdict) !== "plain" && evidence.inliers) rows.push(["Points that agree", words.count(evidence.inliers)]);
    if (evidence.share_a > 0 && evidence.share_b > 0) rows.push(["Shared", `${words.percent(evidence.share_a)} of the query, ${words.percent(evidence.share_b)} of this`]);
  }
  return [
    ...(evidence && picture.verdict ? [el("p.viewer-verdict", {}, chip(picture.verdict), el("span", {}, evidence.reason_back))] : []),
    el("dl.pairs", {}, ...rows.map(([term, said]) => el("div", {}, el("dt", {}, term), el("dd", {}, said)))),
    ...(others.length ? [el("details", {}, el("summary", {}, others.every((one) => one.version === picture.version) ? words.counted(others.length, "equal file") : words.counted(others.length, "more copy", "more copies")), el("ul.paths", {}, ...others.map((one) => el("li.path", {}, one.uri))))] : []),
  ];
}

/** @param {Found[]} chosen */
export function csv(chosen) {
  const quoted = (/** @type {unknown} */ value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const rows = chosen.map((one) => [one.rank, one.uri, one.distance, one.verdict, one.probability].map(quoted).join(","));
  return ["rank,uri,distance,verdict,probability", ...rows, ""].join("\r\n");
}

/** The same rows as JSON, as `lookalike search --format json` names them. @param {Found[]} chosen */
export const json = (chosen) => `${JSON.stringify(chosen.map(({ rank, uri, distance, verdict, probability }) => ({ rank, uri, distance, verdict, probability })), null, 2)}\n`;

/** Only the names, a line each, as `--files-from` takes them. @param {Found[]} chosen */
export const paths = (chosen) => chosen.map((one) => `${one.uri}\n`).join("");

/** Saves a text as a file. @param {string} name @param {string} text @param {string} [type] */
export function save(name, text, type = "text/csv") {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
