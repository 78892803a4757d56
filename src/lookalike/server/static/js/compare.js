// The page of two pictures: laid upon each other, what differs, and why.

import "./parts/shell.js";
import * as api from "./parts/api.js";
import { onBack, push, read } from "./parts/address.js";
import { byId, el, field, symbol } from "./parts/dom.js";
import { reasons, table } from "./parts/differences.js";
import { address as urlOf, takeIn } from "./parts/dropzone.js";
import { bind, whileLoading } from "./parts/keys.js";
import { about, send } from "./parts/known.js";
import { address, readRef, written } from "./parts/pictures.js";
import { chip } from "./parts/results.js";
import { held } from "./parts/shell.js";
import { MODES, Stage } from "./parts/stage.js";
import { complain, toast } from "./parts/toast.js";
import * as words from "./parts/words.js";

/** @typedef {import("./parts/types.js").QueryRef} QueryRef */
/** @typedef {import("./parts/known.js").Known} Known */
/** @typedef {[QueryRef | null, QueryRef | null]} Sides */

const SIDES = ["First picture", "Second picture"];
let sides = readSides();
let picking = 0;
let running = new AbortController();
let map = "";

const stage = new Stage(byId("stage"), () => buttons());

/** @returns {Sides} */
function readSides() {
  const params = read();
  return [readRef(params.get("a") ?? ""), readRef(params.get("b") ?? "")];
}

/** @param {Sides} next */
function change(next) {
  sides = next;
  const params = new URLSearchParams();
  sides.forEach((ref, at) => ref && params.set("ab"[at], written(ref)));
  push(params);
  void show();
}

/** @param {number} at @param {QueryRef | null} ref */
const put = (at, ref) => change(at === 0 ? [ref, sides[1]] : [sides[0], ref]);

/** The side that something goes to: where it was dropped, else the first empty one. @param {{x: number, y: number} | null} where */
function sideFor(where) {
  if (where) {
    const cards = [...byId("sides").querySelectorAll(".side")].map((card) => card.getBoundingClientRect());
    if (cards.length === 2) {
      const away = cards.map((box) => Math.hypot(where.x - (box.left + box.width / 2), where.y - (box.top + box.height / 2)));
      return away[0] <= away[1] ? 0 : 1;
    }
  }
  const empty = sides.indexOf(null);
  return empty < 0 ? 1 : empty;
}

/** @param {File[]} files @param {number} at */
async function takeFiles(files, at) {
  const { max_upload: most } = await held;
  try {
    if (files.some((file) => file.size > most)) throw new Error(`at most ${words.bytes(most)} can be sent`);
    const refs = await whileLoading(Promise.all(files.slice(0, 2).map(send)));
    if (refs.length === 2) change([refs[0], refs[1]]);
    else put(at, refs[0]);
  } catch (error) {
    complain(error);
  }
}

/** @param {string} url @param {number} at */
async function takeUrl(url, at) {
  try {
    await whileLoading(about({ url }));
    put(at, { url });
  } catch (error) {
    complain(error);
  }
}

/** @param {number} at @param {Known | null} known @param {string} [problem] */
function card(at, known, problem) {
  const pick = () => {
    picking = at;
    field("files").click();
  };
  if (known) {
    return el("div.side.filled", {},
      el("img.side-picture", { src: address(known.held, 256, known.version), alt: known.name }),
      el("div.side-told", {},
        el("p.hint", {}, SIDES[at]), el("h2", { title: known.uri }, known.name),
        el("p.hint", {}, `${words.count(known.width)} × ${words.count(known.height)}${known.bytes ? `, ${words.bytes(known.bytes)}` : ""}`),
        el("div.side-actions", {},
          el("button.small.quiet", { type: "button", "aria-label": `Choose another ${SIDES[at].toLowerCase()}`, onclick: pick }, "Another"),
          el("a.button.small.quiet", { href: `./?q=${encodeURIComponent(written(known.ref))}` }, "Search for it"))));
  }
  const input = el("input", { type: "text", inputmode: "url", placeholder: "or an address", "aria-label": `Address of the ${SIDES[at].toLowerCase()}`, spellcheck: "false" });
  return el("form.side.empty", { onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); const url = urlOf(input.value); if (url) void takeUrl(url, at); else input.focus(); } },
    el("h2", {}, SIDES[at]), problem ? el("p.notice.bad", { role: "alert" }, problem) : el("p.hint", {}, "Drop it here, paste it, or"),
    el("button.primary", { type: "button", onclick: pick }, symbol("picture"), "Choose a picture"), input);
}

async function show() {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const asked = sides;
  /** @type {(Known | null)[]} */
  const known = [];
  const cards = [];
  for (const at of [0, 1]) {
    const ref = asked[at];
    let problem;
    known[at] = ref && (await about(ref).catch((error) => { problem = api.sentence(error); return null; }));
    cards.push(card(at, known[at], problem));
  }
  if (signal.aborted) return;
  const swap = el("button.icon.swap", { type: "button", "aria-label": "Swap the two", "aria-keyshortcuts": "X", onclick: () => change([sides[1], sides[0]]) }, symbol("swap"));
  swap.disabled = !(known[0] || known[1]);
  byId("sides").replaceChildren(cards[0], swap, cards[1]);
  for (const id of ["stage-box", "after", "verdict"]) byId(id).hidden = true;
  document.body.classList.toggle("both", Boolean(known[0] && known[1]));
  if (known[0] && known[1]) await compare([known[0], known[1]], signal);
}

/** @param {[Known, Known]} known @param {AbortSignal} signal */
async function compare(known, signal) {
  const line = byId("verdict");
  line.hidden = false;
  line.replaceChildren(el("span.chip.waiting", { "aria-hidden": "true" }, "\u00a0"), el("p", {}, "Holding them against each other …"));
  document.title = `${known[0].name}, ${known[1].name} · Lookalike`;
  try {
    const told = await api.compare(known[0].held, known[1].held, signal);
    const { evidence } = told;
    line.replaceChildren(
      ...(told.verdict ? [chip(told.verdict, told.probability)] : []),
      el("p", {}, reasonOf(told)),
    );
    byId("stage-box").hidden = false;
    byId("after").hidden = false;
    stage.show([layer(known[0], told.width_a, told.height_a), layer(known[1], told.width_b, told.height_b)], evidence?.transform ?? (told.same_pixels ? identity() : null));
    buttons();
    byId("facts").replaceChildren(table(told, known));
    byId("why").replaceChildren(reasons(told));
    byId("heat").replaceChildren(heat(known));
  } catch (error) {
    if (signal.aborted || api.wasAborted(error)) return;
    line.replaceChildren(el("p.notice.bad", { role: "alert" }, api.sentence(error)));
  }
}

/** Each seen from the other, where that is not the same. @param {import("./parts/types.js").Compared} told */
function reasonOf({ evidence, same_bytes: same }) {
  if (!evidence) return same ? "The same file." : "No verdict.";
  if (evidence.reason === evidence.reason_back) return api.sentence(evidence.reason);
  return `First: ${evidence.reason}. Second: ${evidence.reason_back}.`;
}

const identity = () => [[1, 0, 0], [0, 1, 0], [0, 0, 1]];

/** @param {Known} known @param {number} width @param {number} height */
const layer = (known, width, height) => ({ src: address(known.held, 2048, known.version), name: known.name, width, height });

/** The sheet of heat maps, drawn when it is asked for. @param {[Known, Known]} known */
function heat(known) {
  const box = el("div.heat");
  const button = el("button.quiet", { type: "button", onclick: async () => {
    button.disabled = true;
    button.textContent = "Drawing …";
    try {
      const blob = await api.explain(known[0].held, known[1].held, running.signal);
      URL.revokeObjectURL(map);
      map = URL.createObjectURL(blob);
      box.replaceChildren(el("a", { href: map, download: "why.png", title: "Save this sheet" }, el("img", { src: map, alt: `Which regions make ${known[0].name} and ${known[1].name} alike` })));
    } catch (error) {
      complain(error);
      button.disabled = false;
      button.textContent = "Show which regions make them alike";
    }
  } }, "Show which regions make them alike");
  box.append(button);
  return box;
}

function buttons() {
  const { mode, aligned, transform } = stage;
  const gain = el("input", { type: "range", min: "1", max: "12", step: "1", value: byId("stage").style.getPropertyValue("--gain") || "3", oninput: () => stage.setGain(Number(gain.value)) });
  byId("modes").replaceChildren(
    el("div.segments", { role: "group", "aria-label": "How to look" }, ...MODES.map((one) => el("button.small.quiet", { type: "button", "aria-pressed": String(one.mode === mode), onclick: () => stage.setMode(one.mode) }, one.label))),
    mode === "difference" ? el("label.check.small-text", {}, "Strength", gain) : "",
    transform
      ? el("label.check.small-text", {}, el("input", { type: "checkbox", ...(aligned ? { checked: true } : {}), onchange: (/** @type {Event} */ event) => stage.setAligned(/** @type {HTMLInputElement} */ (event.target).checked) }), "Align the first to the second")
      : el("span.hint", {}, "No way was found to lay one upon the other."),
    el("div.segments.end", { role: "group", "aria-label": "Zoom" },
      el("button.small.quiet", { type: "button", "aria-label": "Further away", onclick: () => stage.zoom.zoom(1 / 1.5) }, "−"),
      el("button.small.quiet", { type: "button", onclick: () => stage.zoom.fit() }, "Fit"),
      el("button.small.quiet", { type: "button", "aria-label": "Closer", onclick: () => stage.zoom.zoom(1.5) }, "+")),
  );
}

byId("sides").addEventListener("dragover", (event) => event.preventDefault());
takeIn({
  files: (files, where) => void takeFiles(files, sideFor(where)),
  url: (url, where) => void takeUrl(url, sideFor(where)),
  other: () => toast("There is neither a picture nor an address of one in this.", { bad: true }),
});
field("files").addEventListener("change", () => {
  void takeFiles([...(field("files").files ?? [])], picking);
  field("files").value = "";
});

const group = "Comparing";
const shown = (/** @type {() => void} */ run) => () => { if (byId("stage-box").hidden) return false; run(); return undefined; };
bind(
  { keys: [" "], does: "Flip in place", group, run: shown(() => stage.flip()) },
  { keys: ["c"], does: "Next way to look", group, run: shown(() => stage.next()) },
  { keys: ["d"], does: "Difference", group, run: shown(() => stage.setMode("difference")) },
  { keys: ["ArrowLeft"], does: "Move the slider, or the picture when it is large", shown: "Arrows", group, run: shown(() => nudge(1, 0)) },
  { keys: ["ArrowRight"], does: "Move the slider, or the picture when it is large", shown: "Arrows", group, run: shown(() => nudge(-1, 0)) },
  { keys: ["ArrowUp"], does: "Move the slider, or the picture when it is large", shown: "Arrows", group, run: () => (large() ? nudge(0, 1) : false) },
  { keys: ["ArrowDown"], does: "Move the slider, or the picture when it is large", shown: "Arrows", group, run: () => (large() ? nudge(0, -1) : false) },
  { keys: ["+"], does: "Closer", group, run: shown(() => stage.zoom.zoom(1.5)) },
  { keys: ["-"], does: "Further away", group, run: shown(() => stage.zoom.zoom(1 / 1.5)) },
  { keys: ["0"], does: "All of both", group, run: shown(() => stage.zoom.fit()) },
  { keys: ["z"], does: "One to one, and back", group, run: shown(() => stage.zoom.toggle()) },
  { keys: ["x"], does: "Swap the two", group, run: shown(() => change([sides[1], sides[0]])) },
);

const large = () => !byId("stage-box").hidden && stage.zoom.view.scale > stage.zoom.whole * 1.01;

/** @param {number} x @param {number} y */
function nudge(x, y) {
  if (large()) stage.zoom.pan(60 * x, 60 * y);
  else if (stage.mode === "slider") stage.setSplit(stage.split - 0.02 * x);
}

onBack(() => { sides = readSides(); void show(); });
void show();
