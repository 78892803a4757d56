// The facts by which two pictures differ, the better one named by a word.

import { el } from "./dom.js";
import * as words from "./words.js";

/** @typedef {import("./types.js").Compared} Compared */
/** @typedef {import("./known.js").Known} Known */

const LOSSLESS = ["PNG", "BMP", "TIFF", "GIF"];

/** @param {Compared} told @param {[Known, Known]} sides @returns {{fact: string, values: [string, string], better: -1 | 0 | 1, word: string}[]} */
export function differences(told, sides) {
  const rows = [];
  const [a, b] = sides;
  const area = [told.width_a * told.height_a, told.width_b * told.height_b];
  /** @param {number} x @param {number} y @returns {-1 | 0 | 1} */
  const more = (x, y) => (x === y ? -1 : x > y ? 0 : 1);
  if (told.width_a !== told.width_b || told.height_a !== told.height_b) {
    rows.push({ fact: "Size", values: pair(`${words.count(told.width_a)} × ${words.count(told.height_a)}`, `${words.count(told.width_b)} × ${words.count(told.height_b)}`), better: more(area[0], area[1]), word: "larger" });
  }
  const formats = [words.format(told.format_a), words.format(told.format_b)];
  const lossless = formats.map((name) => LOSSLESS.includes(name));
  if (formats[0] !== formats[1]) rows.push({ fact: "Format", values: pair(formats[0], formats[1]), better: more(Number(lossless[0]), Number(lossless[1])), word: "lossless" });
  if (told.bytes_a !== told.bytes_b) {
    // More bytes say more only where format and size are the same.
    const fair = formats[0] === formats[1] && area[0] === area[1];
    rows.push({ fact: "File", values: pair(words.bytes(told.bytes_a), words.bytes(told.bytes_b)), better: fair ? more(told.bytes_a, told.bytes_b) : /** @type {-1} */ (-1), word: "less compressed" });
  }
  if (a.modified !== null && b.modified !== null && Math.abs(a.modified - b.modified) >= 1) {
    rows.push({ fact: "Changed", values: pair(words.date(a.modified), words.date(b.modified)), better: more(b.modified, a.modified), word: "older" });
  }
  const { evidence } = told;
  if (evidence && evidence.share_a > 0 && evidence.share_b > 0 && Math.abs(evidence.share_a - evidence.share_b) > 0.02) {
    rows.push({ fact: "Shows of the other", values: pair(words.percent(evidence.share_b), words.percent(evidence.share_a)), better: more(evidence.share_b, evidence.share_a), word: "shows more" });
  }
  if (a.name !== b.name) rows.push({ fact: "Name", values: pair(a.name, b.name), better: /** @type {-1} */ (-1), word: "" });
  if (a.uri && b.uri && words.folder(a.uri) !== words.folder(b.uri)) rows.push({ fact: "Folder", values: pair(words.folder(a.uri), words.folder(b.uri)), better: /** @type {-1} */ (-1), word: "" });
  return rows;
}

/** @param {string} a @param {string} b @returns {[string, string]} */
const pair = (a, b) => [a, b];

/** @param {Compared} told @param {[Known, Known]} sides */
export function table(told, sides) {
  const rows = differences(told, sides);
  if (!rows.length) return el("p.hint", {}, "Nothing: size, format, bytes, date and name are the same.");
  return el("table.differences", {},
    el("thead", {}, el("tr", {}, el("th", {}, el("span.visually-hidden", {}, "Fact")), el("th", { scope: "col" }, "First"), el("th", { scope: "col" }, "Second"))),
    el("tbody", {}, ...rows.map(({ fact, values, better, word }) => el("tr", {}, el("th", { scope: "row" }, fact),
      ...values.map((value, at) => el("td", {}, value, better === at ? el("span.better", {}, word) : null))))));
}

/** @param {Compared} told */
export function reasons(told) {
  const { evidence } = told;
  /** @type {[string, string][]} */
  const rows = [];
  if (told.same_bytes) rows.push(["Bytes", "the same"]);
  else if (told.same_pixels) rows.push(["Pixels", "all the same"]);
  if (evidence) {
    rows.push(["Probability of a copy", words.percent(evidence.probability)]);
    if (evidence.transform) {
      rows.push(["Points that agree", words.count(evidence.inliers)]);
      rows.push(["Shared", `${words.percent(evidence.share_a)} of the first, ${words.percent(evidence.share_b)} of the second`]);
      rows.push(["Of what is shared, agrees", words.percent(evidence.agreement)]);
      if (evidence.moved > 0.005) rows.push(["Agrees when shifted", words.percent(evidence.moved)]);
    }
  }
  for (const [name, distance] of Object.entries(told.distances)) rows.push([`Distance by ${name}`, name.startsWith("pdq") ? `${distance} of 256 bits` : words.distance(distance)]);
  return el("dl.pairs.wide", {}, ...rows.map(([term, said]) => el("div", {}, el("dt", {}, term), el("dd", {}, said))));
}
