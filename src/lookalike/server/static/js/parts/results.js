// An answer as sections of tiles: copies, a line at the library's probability, what is alike.

import { el, styled } from "./dom.js";
import * as words from "./words.js";

/** @typedef {import("./types.js").Found} Found */
/** @typedef {import("./types.js").SearchAnswer} SearchAnswer */
/** @typedef {{key: string, picture: Found, copies: number, others: Found[], far: number, checking: boolean}} FoundTile */

/** @type {Record<string, (a: Found, b: Found) => number>} */
const ORDERS = {
  closest: (a, b) => a.rank - b.rank,
  biggest: (a, b) => b.width * b.height - a.width * a.height || a.rank - b.rank,
  oldest: (a, b) => a.modified - b.modified || a.rank - b.rank,
  newest: (a, b) => b.modified - a.modified || a.rank - b.rank,
};

/** @param {Found} found @param {number} least */
const isCopy = (found, least) => words.kind(found.verdict) === "copy" && (found.probability ?? 0) >= least;

/** Equal files become one tile, that of the first. @param {Found[]} results @param {boolean} checking @returns {FoundTile[]} */
export function tiles(results, checking) {
  const far = Math.max(...results.map((found) => found.distance ?? 0), 1e-6);
  /** @type {Map<string, FoundTile>} */
  const made = new Map();
  for (const picture of results) {
    const same = made.get(picture.version);
    if (same) {
      same.copies += 1;
      same.others.push(picture);
    } else made.set(picture.version, { key: picture.version, picture, copies: 1, others: [], far, checking });
  }
  return [...made.values()];
}

/**
 * @param {SearchAnswer} answer
 * @param {number} at
 * @param {string} sort
 * @param {boolean} checking Whether verified results are still to come.
 */
export function sections(answer, at, sort, checking) {
  const results = [...answer.queries[at].results].sort(ORDERS[sort]);
  const all = tiles(results, checking);
  if (!answer.verified || sort !== "closest") {
    const titles = /** @type {Record<string, string>} */ ({ closest: "Closest", biggest: "Biggest first", oldest: "Oldest first", newest: "Newest first" });
    return [{ key: "rest", title: titles[sort], note: checking ? "Looking for copies among them …" : "", tiles: all }];
  }
  const copies = all.filter((tile) => isCopy(tile.picture, answer.probability));
  const rest = all.filter((tile) => !copies.includes(tile));
  const line = `at least ${words.percent(answer.probability)} sure`;
  const none = copies.length ? "No copies: other pictures that are alike, closest first" : `No copy among them is ${line}; closest first`;
  return [
    { key: "copies", title: copies.length === 1 ? "1 copy" : `${copies.length} copies`, note: line.charAt(0).toUpperCase() + line.slice(1), tiles: copies },
    { key: "rest", title: "Alike", note: none, tiles: rest },
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
    ...(others.length ? [el("details", {}, el("summary", {}, words.counted(others.length, "equal file")), el("ul.paths", {}, ...others.map((one) => el("li.path", {}, one.uri))))] : []),
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

/** Saves a text as a file. @param {string} name @param {string} text */
export function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
