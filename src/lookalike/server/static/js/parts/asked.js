// What the search page asks, as an address and back.

import { readRef, written } from "./pictures.js";

/** @typedef {import("./types.js").QueryRef} QueryRef */
/** @typedef {import("./types.js").Region} Region */
/** @typedef {import("./types.js").Filters} Filters */
/** @typedef {{queries: QueryRef[], at: number, together: boolean, region: Region | null, k: number, verify: boolean, fold: boolean, sort: string, only: Filters}} Asked `fold`: copies of one another are one tile. */

export const KS = [20, 50, 100, 300, 1000];
export const SORTS = { closest: "Closest first", biggest: "Biggest first", oldest: "Oldest first", newest: "Newest first" };
export const FORMATS = ["jpeg", "png", "webp", "gif", "tiff", "heic", "avif", "bmp"];
const MOST = 16;

/** @returns {Asked} */
export const nothing = () => ({ queries: [], at: 0, together: false, region: null, k: 50, verify: true, fold: true, sort: "closest", only: {} });

/** @param {URLSearchParams} params @returns {Asked} */
export function readAsked(params) {
  const asked = nothing();
  asked.queries = /** @type {QueryRef[]} */ (params.getAll("q").map(readRef).filter((ref) => ref !== null)).slice(0, MOST);
  const number = (/** @type {string} */ name) => (/^\d{1,12}$/.test(params.get(name) ?? "") ? Number(params.get(name)) : undefined);
  asked.at = Math.min(number("at") ?? 0, Math.max(asked.queries.length - 1, 0));
  asked.together = params.get("together") === "1" && asked.queries.length > 1;
  asked.k = Math.min(Math.max(number("k") ?? asked.k, 1), 1000);
  asked.verify = params.get("verify") !== "0";
  asked.fold = params.get("fold") !== "0";
  const sort = params.get("sort") ?? "";
  if (sort in SORTS) asked.sort = sort;
  const region = (params.get("region") ?? "").split(",").map(Number);
  if (region.length === 4 && region.every((share) => share >= 0 && share <= 1) && region[2] > 0 && region[3] > 0) asked.region = /** @type {Region} */ (region);
  const only = asked.only;
  if (params.get("under")) only.under = params.getAll("under");
  if (params.get("after")) only.after = params.get("after") ?? "";
  if (params.get("before")) only.before = params.get("before") ?? "";
  if (params.getAll("format").length) only.formats = params.getAll("format");
  if (params.getAll("label").length) only.label = params.getAll("label");
  if (number("min_side") !== undefined) only.min_side = number("min_side");
  if (number("min_bytes") !== undefined) only.min_bytes = number("min_bytes");
  return asked;
}

/** @param {Asked} asked */
export function writeAsked(asked) {
  const params = new URLSearchParams();
  const usual = nothing();
  for (const ref of asked.queries) params.append("q", written(ref));
  if (asked.at) params.set("at", String(asked.at));
  if (asked.together) params.set("together", "1");
  if (asked.region) params.set("region", asked.region.map((share) => Number(share.toFixed(4))).join(","));
  if (asked.k !== usual.k) params.set("k", String(asked.k));
  if (!asked.verify) params.set("verify", "0");
  if (!asked.fold) params.set("fold", "0");
  if (asked.sort !== usual.sort) params.set("sort", asked.sort);
  const { only } = asked;
  for (const path of only.under ?? []) params.append("under", path);
  for (const name of only.formats ?? []) params.append("format", name);
  for (const name of only.label ?? []) params.append("label", name);
  if (only.after) params.set("after", only.after);
  if (only.before) params.set("before", only.before);
  if (only.min_side) params.set("min_side", String(only.min_side));
  if (only.min_bytes) params.set("min_bytes", String(only.min_bytes));
  return params;
}

/** How many filters are set. @param {Filters} only */
export const filterCount = (only) => Object.values(only).filter((value) => (Array.isArray(value) ? value.length : value)).length;
