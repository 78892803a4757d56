// The search page: what is asked stays in sight, answers come at once, then verified.

import "./parts/shell.js";
import * as api from "./parts/api.js";
import { onBack, push, read, replace } from "./parts/address.js";
import { readAsked, writeAsked } from "./parts/asked.js";
import { byId, el, field, say } from "./parts/dom.js";
import { address, takeIn } from "./parts/dropzone.js";
import { Grid } from "./parts/grid.js";
import { bind, whileLoading } from "./parts/keys.js";
import { about, send, sendAgain } from "./parts/known.js";
import { written } from "./parts/pictures.js";
import { QueryPanel } from "./parts/querypanel.js";
import { caption, csv, json, paths, save, sections, story } from "./parts/results.js";
import { held } from "./parts/shell.js";
import { complain, toast } from "./parts/toast.js";
import { Tools } from "./parts/tools.js";
import { bindAction, view } from "./parts/viewer.js";
import * as words from "./parts/words.js";

/** @typedef {import("./parts/types.js").Picture} Picture */
/** @typedef {import("./parts/types.js").QueryRef} QueryRef */
/** @typedef {import("./parts/types.js").SearchAnswer} SearchAnswer */
/** @typedef {import("./parts/asked.js").Asked} Asked */
/** @typedef {import("./parts/results.js").FoundTile} FoundTile */
/** @typedef {{name: string, address: string}[]} Trail */

let asked = readAsked(read());
/** @type {SearchAnswer | null} */
let answer = null;
let running = new AbortController();
/** @type {Map<string, SearchAnswer>} */
const answers = new Map();
/** @type {WeakMap<SearchAnswer, number[][]>} */
const copies = new WeakMap();

const MOST_COMPARED = 1000;
const MOST_PAIRED = 300; // whose known copies are asked for

const ACTIONS = [
  { label: "Search for this", key: "s", run: (/** @type {Picture} */ picture) => searchFor({ id: picture.id }) },
  { label: "Compare with query", key: "c", run: (/** @type {Picture} */ picture) => compareWith({ id: picture.id }) },
  { label: "Show on the map", key: "m", run: (/** @type {Picture} */ picture) => { location.href = new URL(`map?at=id:${picture.id}`, document.baseURI).href; } },
];

const results = new Grid(byId("results"), {
  open: (tile, tiles) => {
    const found = /** @type {FoundTile[]} */ (tiles);
    const list = found.map((one) => one.picture);
    view(list, list.indexOf(/** @type {FoundTile} */ (tile).picture), {
      actions: ACTIONS,
      more: (picture) => story(found[list.indexOf(/** @type {any} */ (picture))]),
      closed: (at) => results.moveTo(at),
    });
  },
  caption: (tile) => caption(/** @type {FoundTile} */ (tile)),
  captionHeight: 90,
  selectable: true,
  unfold: (tile) => unfold(/** @type {FoundTile} */ (tile)),
  selected: (keys) => tools.select(keys.length, chosenFiles().length),
});

const samples = new Grid(byId("samples"), {
  open: (tile) => searchFor({ id: tile.picture.id }),
  rowHeight: 190,
});

const panel = new QueryPanel(byId("query"), {
  choose: (at) => change({ at, region: null, together: false }),
  remove: (at) => change({ queries: asked.queries.filter((_, index) => index !== at), at: 0, region: null, together: false }),
  together: (together) => change({ together, region: null }),
  crop: (region) => change({ region }),
  compare: () => compareWith(null),
});

const tools = new Tools(byId("tools"), {
  change: (some) => change(some),
  save: (face) => {
    const [text, type] = face === "json" ? [json(chosenFiles()), "application/json"] : face === "txt" ? [paths(chosenFiles()), "text/plain"] : [csv(chosenFiles()), "text/csv"];
    save(`lookalike.${face}`, text, type);
  },
  copies: () => void findCopies().catch(complain),
  together: () => searchTogether(),
  compare: () => compareWith(null),
  clear: () => results.clear(),
});

const chosen = () => /** @type {FoundTile[]} */ (results.tiles).filter((tile) => results.chosen.has(tile.key));

/** All files that are selected, also those behind a tile. */
const chosenFiles = () => chosen().flatMap((tile) => [tile.picture, ...tile.others]);

/** Groups that were opened to their copies. @type {Set<string>} */
const open = new Set();
/** @type {number[][]} */
let known = [];

/** @param {FoundTile} tile */
function unfold(tile) {
  if (!open.delete(tile.group)) open.add(tile.group);
  if (answer) results.show(sections(answer, 0, asked.sort, false, { known, fold: asked.fold, open }));
  say(open.has(tile.group) ? `${tile.badge} shown` : `${tile.badge} in one tile`);
}

/** Has the selected pictures, and the query if it is one of the library, compared with each other: groups to review, then a plan. */
async function findCopies() {
  const query = asked.queries[asked.at];
  const own = !asked.together && query?.id !== undefined ? [(await about(query)).uri] : [];
  const uris = [...new Set([...own, ...chosenFiles().map((one) => one.uri)])];
  if (uris.length < 2) { toast("Copies are looked for among two pictures or more: select another one."); return; }
  if (uris.length > MOST_COMPARED) { toast(`At most ${words.count(MOST_COMPARED)} files can be compared here: on the page Duplicates whole folders can be.`, { bad: true }); return; }
  const job = await whileLoading(api.duplicates({ paths: uris, level: "edited" }));
  location.href = new URL(`duplicates?job=${job.id}`, document.baseURI).href;
}

/** Asks for something else, as a step that Back leads back from. @param {Partial<Asked>} some @param {Trail} [trail] */
function change(some, trail = trailNow()) {
  asked = { ...asked, ...some };
  push(writeAsked(asked), { trail });
  show();
}

/** @returns {Trail} */
const trailNow = () => history.state?.trail ?? [];

/** @param {QueryRef} ref */
async function searchFor(ref) {
  const trail = asked.queries.length ? [...trailNow(), { name: await stepName(), address: `?${writeAsked(asked)}` }] : [];
  change({ queries: [ref], at: 0, region: null, together: false }, trail.slice(-12));
  scrollTo({ top: 0 });
}

async function stepName() {
  const first = (await about(asked.queries[asked.at]).catch(() => null))?.name ?? "query";
  return asked.together ? `${asked.queries.length} together` : asked.region ? `part of ${first}` : first;
}

function searchTogether() {
  const refs = chosen().slice(0, 16).map((tile) => ({ id: tile.picture.id }));
  if (refs.length > 1) change({ queries: refs, at: 0, region: null, together: true });
}

/** Goes to the comparison with a picture, or of the two that are selected. @param {QueryRef | null} other */
async function compareWith(other) {
  const two = chosen();
  const params = new URLSearchParams();
  if (!other && two.length === 2) two.forEach((tile, at) => params.set("ab"[at], written({ id: tile.picture.id })));
  else {
    const query = await about(asked.queries[asked.at]);
    params.set("a", written(query.ref));
    if (other) params.set("b", written(other));
  }
  location.href = new URL(`compare?${params}`, document.baseURI).href;
}

/** @param {File[]} files */
async function takeFiles(files) {
  const { max_upload: most } = await held;
  const fit = files.filter((file) => file.size <= most);
  for (const file of files) if (file.size > most) toast(`${file.name} has ${words.bytes(file.size)}: at most ${words.bytes(most)} can be sent.`, { bad: true });
  /** @type {QueryRef[]} */
  const refs = [];
  byId("ask").setAttribute("aria-busy", "true");
  for (const file of fit.slice(0, 16)) {
    try {
      refs.push(await whileLoading(send(file)));
    } catch (error) {
      toast(`${file.name || "The picture"}: ${api.sentence(error)}`, { bad: true });
    }
  }
  byId("ask").removeAttribute("aria-busy");
  if (fit.length > 16) toast("Only the first 16 are asked about.");
  if (refs.length) change({ queries: refs, at: 0, region: null, together: false }, []);
}

/** @param {string} url */
async function takeUrl(url) {
  byId("ask").setAttribute("aria-busy", "true");
  try {
    await whileLoading(about({ url }));
    field("url").value = "";
    change({ queries: [{ url }], at: 0, region: null, together: false }, []);
  } catch (error) {
    complain(error);
  } finally {
    byId("ask").removeAttribute("aria-busy");
  }
}

/** Shows what the address asks for. */
function show() {
  const asks = asked.queries.length > 0;
  document.body.classList.toggle("asks", asks);
  byId("searching").hidden = !asks;
  byId("start").hidden = asks;
  document.title = "Search · Lookalike";
  running.abort();
  if (!asks) {
    answer = null;
    startOver();
    return;
  }
  panel.show(asked);
  tools.show(asked);
  running = new AbortController();
  void run(asked, running.signal);
}

/** What the API is asked, and what an answer to it is kept under. @param {Asked} what @param {boolean} verify */
async function request(what, verify) {
  const queries = await Promise.all((what.together ? what.queries : [what.queries[what.at]]).map(async (ref) => (await about(ref)).held));
  const body = { queries, k: what.k, verify, together: what.together, region: what.region, only: what.only };
  return { body, key: JSON.stringify([body, (await held).version]) };
}

/** @param {Asked} what @param {boolean} verify @param {AbortSignal} signal */
async function find(what, verify, signal) {
  const { body, key } = await request(what, verify);
  const ready = answers.get(key);
  if (ready) return ready;
  let found;
  try {
    found = await api.search(body, signal);
  } catch (error) {
    if (!(error instanceof api.ApiError) || ![400, 404].includes(error.status) || !(await sendAgain(body.queries))) throw error;
    found = await api.search(body, signal);
  }
  if (answers.size > 60) answers.delete([...answers.keys()][0]);
  answers.set(key, found);
  return found;
}

/** At once by distance, then verified. @param {Asked} what @param {AbortSignal} signal */
async function run(what, signal) {
  const box = byId("results");
  box.setAttribute("aria-busy", "true");
  byId("searching").classList.add("waiting");
  try {
    const verifies = what.verify && !what.together;
    const ready = verifies && answers.has((await request(what, true)).key);  // then only its order or its folds are others
    for (const verify of verifies ? (ready ? [true] : [false, true]) : [false]) {
      answer = await find(what, verify, signal);
      if (signal.aborted) return;
      const [first] = answer.queries;
      if (first.problem) throw new Error(first.problem);
      const last = verify || !verifies;
      if (!last) known = [];
      else if (!verifies) results.show(sections(answer, 0, what.sort, false, { known, fold: what.fold, open }));
      if (last && what.fold) known = await knownCopies(answer, signal);
      if (signal.aborted) return;
      results.show(sections(answer, 0, what.sort, !last, { known, fold: what.fold, open }));
      tools.told(answer, what);
      await tellBefore(what, first.library, first.results.length);
      byId("searching").classList.remove("waiting");
      if (!verifies || verify) say(words.counted(first.results.length, "picture"));
    }
  } catch (error) {
    if (signal.aborted || api.wasAborted(error)) return;
    results.show([]);
    tools.told(null, what);
    byId("before").replaceChildren(el("p.notice.bad", { role: "alert" }, api.sentence(error)));
  } finally {
    if (!signal.aborted) {
      box.removeAttribute("aria-busy");
      byId("searching").classList.remove("waiting");
    }
  }
}

/** Which results are known to be copies of one another; to show them is no reason to fail. @param {SearchAnswer} of @param {AbortSignal} signal @returns {Promise<number[][]>} */
async function knownCopies(of, signal) {
  const ready = copies.get(of);
  if (ready) return ready;
  try {
    const first = of.queries[0].results.slice(0, MOST_PAIRED);
    const equal = first.filter((one) => one.verdict === "same-file" || one.verdict === "same-pixels");
    const found = await api.copies(first.map((one) => one.id), equal.map((one) => one.id), signal);
    copies.set(of, found);
    return found;
  } catch {
    return [];
  }
}

/** What is said before the results: the steps that led here, and whether this very file is in the library. @param {Asked} what @param {number[]} library @param {number} count */
async function tellBefore(what, library, count) {
  const asking = what.queries[what.at];
  const others = what.together ? [] : library.filter((id) => id !== asking.id);
  const known = others.length ? await api.pictures(others.slice(0, 20)) : [];
  const query = await about(asking);
  if (what !== asked) return;
  document.title = `${query.name} · Lookalike`;
  const trail = trailNow();
  byId("before").replaceChildren(
    ...(trail.length
      ? [el("nav.trail", { "aria-label": "Steps that led here" }, el("ol", {},
          ...trail.map((step, at) => el("li", {}, el("a", { href: step.address, onclick: (/** @type {Event} */ event) => { event.preventDefault(); back(at); } }, step.name))),
          el("li", { "aria-current": "step" }, what.together ? `${what.queries.length} together` : query.name)))]
      : []),
    ...(known.length
      ? [el("div.notice.good.already", {}, el("p", {}, asking.id === undefined ? "This very file is already in the library:" : "The same file is also at:"),
          el("ul.paths", {}, ...known.map((picture) => el("li", {}, el("button.link", { type: "button", onclick: () => view(known, known.indexOf(picture), { actions: ACTIONS }) }, picture.uri)))))]
      : []),
    ...(count ? [] : [el("p.notice", {}, "Nothing in the library passes. Take a filter away, or add pictures on the page Library.")]),
  );
}

/** Goes back to a step of the trail. @param {number} at */
function back(at) {
  const trail = trailNow();
  const step = trail[at];
  asked = readAsked(new URLSearchParams(step.address));
  push(writeAsked(asked), { trail: trail.slice(0, at) });
  show();
}

let seed = Math.floor(Math.random() * 1e6);
let sampled = -1;
async function startOver() {
  try {
    const found = await held;
    const empty = found.indexed === 0;
    byId("start").hidden = empty;
    if (empty) {
      byId("limits").replaceChildren("The library is empty. ", el("a", { href: "./library" }, "Add a folder first."));
      return;
    }
    if (sampled === seed) return;
    sampled = seed;
    const pictures = await api.sample(innerWidth < 700 ? 18 : 36, seed);
    samples.show([{ key: "samples", tiles: pictures.map((picture) => ({ key: String(picture.id), picture })) }]);
  } catch (error) {
    complain(error);
  }
}

byId("others").addEventListener("click", () => { seed += 1; void startOver(); });
for (const [button, input] of [["pick", "files"], ["camera", "shot"]]) {
  byId(button).addEventListener("click", () => field(input).click());
  field(input).addEventListener("change", () => {
    void takeFiles([...(field(input).files ?? [])]);
    field(input).value = "";
  });
}
byId("bar").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field("url").value;
  const url = address(text) ?? address(`https://${text.trim()}`);
  if (!text.trim()) field("url").focus();
  else if (url) void takeUrl(url);
});
takeIn({
  files: (files) => void takeFiles(files),
  url: (url) => void takeUrl(url),
  other: () => toast("There is neither a picture nor an address of one in this.", { bad: true }),
});
held.then(
  (found) => {
    if (found.indexed) byId("limits").textContent = `JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF or BMP, up to ${words.bytes(found.max_upload)} each, 16 at a time.${matchMedia("(any-pointer: coarse)").matches ? "" : " Ctrl + V works, too."}`;
  },
  complain,
);

/** The picture of the tile that has the focus. */
function focused() {
  const key = /** @type {HTMLElement | null} */ (document.activeElement?.closest("#results .tile"))?.dataset.key;
  return /** @type {FoundTile[]} */ (results.tiles).find((tile) => tile.key === key)?.picture;
}
for (const action of ACTIONS) {
  bind({ keys: [action.key], does: action.label, group: "Pictures", within: "#results .tile", run: () => { const picture = focused(); if (picture) action.run(picture); } });
  bindAction(action.key, action.label);
}
bind(
  { keys: ["o"], does: "Choose pictures to search for", group: "Searching", run: () => byId("pick").click() },
  { keys: ["/"], does: "Type an address", group: "Searching", run: () => field("url").focus() },
  { keys: ["Ctrl+v"], does: "Search for a picture or address that was copied", group: "Searching" },
  { keys: ["r"], does: "Draw a box on the query, to search for a part", group: "Searching", run: () => (asked.queries.length && !asked.together ? panel.beginCrop() : false) },
  { keys: ["w"], does: "Search for the whole query again", group: "Searching", run: () => (asked.region ? change({ region: null }) : false) },
  { keys: ["f"], does: "Filters", group: "Searching", run: () => (asked.queries.length ? tools.openFilters() : false) },
  { keys: ["Escape"], does: "Leave the selection", group: "Pictures", run: () => (results.chosen.size ? results.clear() : false) },
);
onBack(() => { asked = readAsked(read()); show(); });
replace(writeAsked(asked));
show();
