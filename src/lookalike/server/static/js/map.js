// The map page: every picture as a point or itself, coloured by folder, label or cluster; lines around them; clusters as stacks.

import "./parts/shell.js";
import * as api from "./parts/api.js";
import { onBack, push, read, replace } from "./parts/address.js";
import { byId, el, say } from "./parts/dom.js";
import { bind } from "./parts/keys.js";
import { held } from "./parts/shell.js";
import { complain, toast } from "./parts/toast.js";
import { bindAction, view } from "./parts/viewer.js";
import { count, counted } from "./parts/words.js";
import { readPolygon, written } from "./map/lasso.js";
import { Legend } from "./map/legend.js";
import { Picked } from "./map/picked.js";
import { Points } from "./map/points.js";
import { fillSetup } from "./map/setup.js";
import { Stage } from "./map/stage.js";
import { members, showStacks, title } from "./map/stacks.js";
import { isOver, newest, watched } from "./map/work.js";

/** @typedef {import("./parts/types.js").Picture} Picture */
/** @typedef {import("./parts/types.js").Job} Job */
/** @typedef {import("./map/lasso.js").Corner} Corner */
/** @typedef {{map: number | null, by: string, clusters: number | null, show: string[], at: number | null, place: number[] | null, stacks: boolean, open: number | null, lasso: Corner[] | null, list: boolean, plain: boolean, webgl: boolean}} Asked `plain`, `webgl`: drawn so whatever is quicker here. */
/** @typedef {{job: number, pictures: number, method: string, descriptor: string, by: string, categories: {name: string, pictures: number}[]}} MapFacts */

const WAYS = /** @type {[string, string][]} */ ([["folder", "Folder"], ["label", "Label"], ["cluster", "Cluster"]]);

/** @param {URLSearchParams} params @returns {Asked} */
function readAsked(params) {
  const number = (/** @type {string} */ name, least = 1) => (/^-?\d{1,18}$/.test(params.get(name) ?? "") && Number(params.get(name)) >= least ? Number(params.get(name)) : null);
  const place = (params.get("v") ?? "").split(",").map(Number);
  const by = params.get("by") ?? "folder";
  return {
    map: number("map"), by: WAYS.some(([one]) => one === by) ? by : "folder", clusters: number("clusters"), show: params.getAll("show"),
    at: /^id:[1-9]\d{0,17}$/.test(params.get("at") ?? "") ? Number((params.get("at") ?? "").slice(3)) : null,
    place: place.length === 3 && place.every(Number.isFinite) && place[2] > 0 ? place : null,
    stacks: params.get("stacks") === "1", open: number("open", -1), lasso: readPolygon(params.get("lasso")), list: params.get("list") === "1", plain: params.get("draw") === "canvas", webgl: params.get("draw") === "webgl",
  };
}

/** @param {Asked} what */
function writeAsked(what) {
  const params = new URLSearchParams();
  if (what.map) params.set("map", String(what.map));
  if (what.by !== "folder") params.set("by", what.by);
  if (what.clusters) params.set("clusters", String(what.clusters));
  for (const one of what.show) params.append("show", one);
  if (what.at) params.set("at", `id:${what.at}`);
  if (what.place) params.set("v", what.place.join(","));
  if (what.stacks) params.set("stacks", "1");
  if (what.open) params.set("open", String(what.open));
  if (what.lasso) params.set("lasso", written(what.lasso));
  if (what.list) params.set("list", "1");
  if (what.plain || what.webgl) params.set("draw", what.plain ? "canvas" : "webgl");
  return params;
}

let asked = readAsked(read());
/** @type {Points | null} */
let points = null;
/** @type {MapFacts | null} */
let map = null;
let drawn = "";
let turn = 0;

/** @type {Map<number, Picture>} */
const known = new Map();

/** Facts of pictures, asked for once. @param {number[]} ids */
async function facts(ids) {
  const missing = [...new Set(ids)].filter((id) => id && !known.has(id));
  for (let at = 0; at < missing.length; at += 500) for (const one of await api.pictures(missing.slice(at, at + 500))) known.set(one.id, one);
  return known;
}

/** @param {number} category */
const categoryName = (category) => (map?.categories[category] ? legend.named(map.categories[category].name) : "in none");

const go = (/** @type {string} */ address) => { location.href = new URL(address, document.baseURI).href; };
const ACTIONS = [
  { label: "Search for this", key: "s", run: (/** @type {Picture} */ picture) => go(`./?q=id:${picture.id}`) },
  { label: "Show on the map", key: "m", run: (/** @type {Picture} */ picture) => change({ stacks: false, open: null, at: picture.id, place: null }) },
];

const stage = new Stage(byId("stage"), {
  open: (at) => void openPoint(at),
  moved: () => moved(),
  drawn: (lasso) => change({ lasso, list: false }),
  leave: () => {
    if (!asked.lasso && !asked.list) return false;
    change({ lasso: null, list: false });
    return true;
  },
  facts, category: categoryName, plain: asked.plain, webgl: asked.webgl,
});

const legend = new Legend(byId("legend"), {
  choose: (chosen) => change({ show: [...chosen].map((one) => map?.categories[one].name ?? ""), list: asked.list && chosen.size > 0 }),
  goTo: () => stage.goToThose(stage.shown),
  list: () => change({ list: true, lasso: null }),
});

const picked = new Picked({ section: byId("picked"), head: byId("picked-head"), results: byId("results"), more: byId("picked-more") }, {
  facts,
  open: (list, at, closed) => view(list, at, { actions: ACTIONS, closed }),
  category: (id) => { const at = points?.of(id) ?? -1; return points && at >= 0 ? categoryName(points.categories[at]) : ""; },
  clear: () => change(asked.stacks ? { open: null } : { lasso: null, list: false }),
  together: (ids) => go(`./?${ids.map((id) => `q=id:${id}`).join("&")}&together=1`),
});

/** A point, large, and those around it by the arrow keys. @param {number} at */
async function openPoint(at) {
  if (!points) return;
  try {
    const near = points.nearest(points.x[at], points.y[at], 60, stage.shown);
    const ids = [points.ids[at], ...near.filter((one) => one !== at).map((one) => points?.ids[one] ?? 0)];
    const found = await facts(ids);
    const list = ids.map((id) => found.get(id)).filter((one) => one !== undefined);
    if (!list.length) toast("The library has this picture no more: lay out a new map.", { bad: true });
    else view(list, 0, { actions: ACTIONS, closed: () => byId("stage").focus({ preventScroll: true }) });
  } catch (error) {
    complain(error);
  }
}

/** The view rests elsewhere: the address says so, without a step. */
function moved() {
  if (!map) return;
  const { x, y, zoom } = stage.place();
  asked.place = zoom > 1.001 ? [Math.round(x), Math.round(y), Number(zoom.toFixed(3))] : null;
  replace(writeAsked(asked));
  tell();
}

function tell() {
  if (map) byId("map-told").textContent = `${stage.told()} · by ${map.descriptor}, ${map.method === "tsne" ? "t-SNE" : "PCA"} · drag or arrow keys to move, wheel, pinch or + and - to zoom, ? for all keys`;
}

/** Asks for something else, as a step that Back leads back from. @param {Partial<Asked>} some */
function change(some) {
  asked = { ...asked, ...some };
  push(writeAsked(asked));
  void show();
}

/** What is asked for by address. */
async function show() {
  turn += 1;
  const mine = turn;
  try {
    if (asked.map === null) asked.map = await aMap();
    if (mine !== turn) return;
    if (asked.map === null) return;
    if ((asked.by === "cluster" || asked.stacks) && asked.clusters === null) {
      const clusters = await someClusters();
      if (mine !== turn || clusters === null) return;
      asked.clusters = clusters;
    }
    replace(writeAsked(asked));
    await (asked.stacks ? showClusters() : showMap(mine));
    if (mine === turn) drawBar();
  } catch (error) {
    if (mine !== turn) return;
    if (error instanceof api.ApiError && [400, 404].includes(error.status) && (asked.map || asked.clusters)) {
      // Of an earlier run of the server, or older than the few that it keeps.
      gone.add(asked.map ?? 0).add(asked.clusters ?? 0);
      asked = { ...asked, map: null, clusters: null };
      await show();
    } else complain(error);
  }
}

/** @type {Set<number>} */
const gone = new Set();

/** A map that is there or is being made; otherwise one is offered. @returns {Promise<number | null>} */
async function aMap() {
  const found = await newest("map");
  if (found && !gone.has(found.id)) {
    if (isOver(found)) return found.id;
    offer(found);
  } else offer(null);
  return null;
}

/** @returns {Promise<number | null>} */
async function someClusters() {
  const ready = await newest("clusters");
  const job = ready && !gone.has(ready.id) ? ready : await api.post("clusters", map ? { descriptor: map.descriptor } : {});
  if (isOver(job)) return job.id;
  drawBar();
  const over = await watched(job, byId("working"), "Finding clusters");
  if (over.state === "done") return over.id;
  if (over.error) toast(api.sentence(over.error), { bad: true });
  asked = { ...asked, by: asked.by === "cluster" ? "folder" : asked.by, stacks: false };
  replace(writeAsked(asked));
  void show();
  return null;
}

/** @param {Job | null} running */
function offer(running) {
  byId("setup").hidden = false;
  byId("stacks").hidden = true;
  if (!map) byId("mapped").hidden = true;
  void fillSetup(byId("setup"), { running, done: (number) => { byId("setup").hidden = true; change({ map: number, place: null, lasso: null, list: false, stacks: false }); },
    close: map ? () => { byId("setup").hidden = true; } : null });
}

/** @param {number} mine */
async function showMap(mine) {
  const query = `by=${asked.by}${asked.by === "cluster" ? `&clusters=${asked.clusters}` : ""}`;
  const key = `${asked.map}?${query}`;
  byId("setup").hidden = true;
  if (key !== drawn || !map || !points) {
    const [bytes, told] = await Promise.all([api.bytes(`map/${asked.map}?${query}`), api.get(`map/${asked.map}/categories?${query}`)]);
    if (mine !== turn) return;
    const same = drawn.split("?")[0] === String(asked.map);
    const place = asked.place;
    points = new Points(bytes);
    map = /** @type {MapFacts} */ (told);
    drawn = key;
    byId("mapped").hidden = false;
    byId("stacks").hidden = true;
    drawBar();
    stage.show(points, map.categories.length, chosen());
    legend.show(map.categories, asked.by, chosen(), points.count);
    if (place) stage.goTo(place[0], place[1], place[2]);
    else if (!same) stage.zoom.fit();
    pointed = null;
    listed = "";
  } else {
    byId("mapped").hidden = false;
    byId("stacks").hidden = true;
    stage.resized();
    const now = chosen();
    if ([...now].sort().join() !== [...stage.chosen].sort().join()) {
      stage.choose(now);
      legend.show(map.categories, asked.by, new Set(now), points.count);
    }
  }
  if (asked.at !== pointed) findPicture();
  await showPicked();
  tell();
}

/** @type {number | null} */
let pointed = null;

function findPicture() {
  pointed = asked.at;
  const at = asked.at === null ? -1 : points?.of(asked.at) ?? -1;
  stage.point(at);
  if (asked.at === null) return;
  if (at < 0) toast("This picture is not on the map: it came later, or has no vector. Lay out a new map.", { bad: true });
  else void facts([asked.at]).then(() => stage.showCard(at, true), complain);
}

function chosen() {
  const at = new Map(map?.categories.map((one, index) => [one.name, index]));
  return new Set(asked.show.map((name) => at.get(name)).filter((one) => one !== undefined));
}

let listed = "";

/** The pictures within the line, or of the categories that are chosen. */
async function showPicked() {
  if (!points || !map) return;
  const key = asked.lasso || asked.list ? JSON.stringify([drawn, asked.lasso, asked.list, asked.show]) : "";
  if (key === listed) return;
  listed = key;
  if (!key) {
    picked.hide();
    stage.select([]);
    return;
  }
  const ids = asked.lasso ? /** @type {number[]} */ ((await api.post(`map/${asked.map}/lasso`, { polygon: asked.lasso })).ids) : [...points.ids];
  if (listed !== key) return;
  const at = ids.map((id) => points?.of(id) ?? -1).filter((one) => one >= 0 && stage.shown(points?.categories[one] ?? 0));
  if (!at.length) {
    toast("No picture lies within the line.");
    change({ lasso: null, list: false });
    return;
  }
  stage.select(asked.lasso ? at : []);
  void picked.show(at.map((one) => points?.ids[one] ?? 0), `${counted(at.length, "picture")}${asked.lasso ? " selected" : ""}`);
}

/** @returns {Promise<void>} */
async function showClusters() {
  byId("setup").hidden = true;
  byId("mapped").hidden = false;
  byId("stacks").hidden = false;
  const job = asked.clusters ?? 0;
  const box = byId("stacks");
  listed = "";
  if (asked.open === null) {
    picked.hide();
    if (box.dataset.shown !== String(job)) await showStacks(box, job, { open: (open) => change({ open }), goTo: () => undefined });
    box.dataset.shown = String(job);
    return;
  }
  box.dataset.shown = "";
  const one = asked.open;
  const found = await members(job, one);
  if (one !== asked.open) return;
  for (const picture of found) known.set(picture.id, picture);
  box.replaceChildren(el("div.stacks-head", {},
    el("button.quiet.small", { type: "button", onclick: () => change({ open: null }) }, "All clusters"),
    one > 0 ? el("button.quiet.small", { type: "button", onclick: () => change({ stacks: false, open: null, by: "cluster", show: [String(one)], place: null, lasso: null, list: false }) }, "Show on the map") : ""));
  await picked.show(found.map((picture) => picture.id), `${title(one)}: ${counted(found.length, "picture")}, those in the middle first`);
}

function drawBar() {
  document.body.classList.toggle("as-stacks", asked.stacks);
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.choice : undefined;
  const choice = (/** @type {string} */ name, /** @type {string} */ label, /** @type {boolean} */ on, /** @type {() => void} */ run) =>
    el("button", { type: "button", "data-choice": name, "aria-pressed": String(on), onclick: run }, label);
  const work = document.getElementById("working") ?? el("div", { id: "working" });
  byId("bar").replaceChildren(
    el("div.choices", { role: "group", "aria-label": "Shown as" },
      choice("map", "Map", !asked.stacks, () => change({ stacks: false, open: null })),
      choice("stacks", "Clusters as stacks", asked.stacks, () => change({ stacks: true, lasso: null, list: false }))),
    asked.stacks ? "" : el("div.map-bar-part", {}, el("span.hint", { id: "by" }, "Colour by"),
      el("div.choices", { role: "group", "aria-labelledby": "by" }, ...WAYS.map(([way, label]) => choice(way, label, asked.by === way, () => change({ by: way, show: [], list: false }))))),
    work,
    el("button.small.quiet.grow", { type: "button", onclick: () => { offer(null); byId("setup").scrollIntoView({ block: "nearest" }); } }, "New map"),
  );
  if (focused) /** @type {HTMLElement | null} */ (document.querySelector(`[data-choice="${focused}"]`))?.focus();
}

bind(
  { keys: ["g"], does: "Clusters as stacks, and back", group: "The map", run: () => (map ? change({ stacks: !asked.stacks, open: null, lasso: null, list: false }) : false) },
  { keys: ["b"], does: "Colour by the next: folder, label, cluster", group: "The map", run: () => {
    if (!map || asked.stacks) return false;
    const next = WAYS[(WAYS.findIndex(([way]) => way === asked.by) + 1) % WAYS.length];
    change({ by: next[0], show: [], list: false });
    say(`Coloured by ${next[1].toLowerCase()}`);
    return undefined;
  } },
);
for (const action of ACTIONS) bindAction(action.key, action.label);
onBack(() => {
  const before = asked;
  asked = readAsked(read());
  const { place } = asked;
  void show().then(() => { if (map && place && before.place !== place && !asked.stacks) stage.goTo(place[0], place[1], place[2]); });
});
held.then((found) => { if (!found.indexed) toast(`There are ${count(found.indexed)} pictures: add a folder on the page Library first.`); }, complain);
void show();
