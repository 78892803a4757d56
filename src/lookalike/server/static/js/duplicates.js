// The page of duplicates: find them, say of each group what goes, plan, apply, undo. It never touches a file itself.

import "./parts/shell.js";
import * as api from "./parts/api.js";
import { onBack, push, read, replace } from "./parts/address.js";
import { byId, el, field, say } from "./parts/dom.js";
import { Finder, foundInWords } from "./parts/finder.js";
import { list, ROWS } from "./parts/grouplist.js";
import { bind, whileLoading } from "./parts/keys.js";
import { OneGroup, prefetch } from "./parts/onegroup.js";
import { Planning } from "./parts/planning.js";
import { mayGo, Review } from "./parts/review.js";
import { complain, toast } from "./parts/toast.js";
import * as words from "./parts/words.js";

/** @typedef {import("./parts/types.js").Group} Group */
/** @typedef {import("./parts/types.js").Job} Job */
/** @typedef {"one" | "list" | "plan"} View */

/** @type {Review | null} */
let review = null;
/** @type {View} */
let view = "one";
let at = 0;
/** @type {number | null} */
let plan = null;
/** @type {Group | null} */
let group = null;
let turn = 0;

const one = new OneGroup({ toggle: (index) => toggle(index) });
const finder = new Finder(byId("finder"), (job, asked) => {
  review = new Review(job, { verdict: "", probability: 0 });
  at = 0;
  view = "one";
  plan = null;
  (asked ? push : replace)(params()); // one that was under way when the page opened is no step of its own
  void show().catch(complain);
});
const planning = new Planning(byId("plan"), () => review, (number) => { plan = number; replace(params()); }, () => { review?.renew(); if (review) void show().catch(complain); });

function params() {
  const made = new URLSearchParams();
  if (review) {
    made.set("job", String(review.job.id));
    if (at) made.set("at", String(at + 1));
    if (review.filter.verdict) made.set("verdict", review.filter.verdict);
    if (review.filter.probability) made.set("sure", String(review.filter.probability));
  }
  if (view !== "one") made.set("view", view);
  if (plan !== null) made.set("plan", String(plan));
  return made;
}

async function readAddress() {
  const given = read();
  const number = Number(given.get("job"));
  at = Math.max(Math.floor(Number(given.get("at") ?? 1)) - 1 || 0, 0);
  view = /** @type {View} */ (["list", "plan"].includes(given.get("view") ?? "") ? given.get("view") : "one");
  plan = Number(given.get("plan")) || null;
  const filter = { verdict: given.get("verdict") ?? "", probability: Math.min(Math.max(Number(given.get("sure")) || 0, 0), 1) };
  const jobs = await api.jobs();
  const searches = jobs.filter((job) => job.kind === "duplicates");
  const job = number ? searches.find((one) => one.id === number) : searches.find((one) => one.state === "done" || !api.isOver(one));
  if (number && !job) toast("This search is no longer kept: find the duplicates again.", { bad: true });
  if (job && !api.isOver(job)) finder.follow(job);
  if (!job || job.state !== "done") review = null;
  else if (review?.job.id === job.id) review.setFilter(filter);
  else review = new Review(job, filter);
}

/** Shows what the address says. */
async function show() {
  const mine = ++turn;
  byId("review").hidden = !review;
  byId("start").hidden = Boolean(review);
  if (!review) {
    byId("lead").textContent = "Copies in the library, found by their pixels, with the reason of each. Nothing is ever removed but by a plan that you apply.";
    await showPlan();
    return;
  }
  byId("lead").textContent = foundInWords(review.job);
  try {
    await whileLoading(review.ready());
    at = review.nearest(Math.min(at, review.total));
    group = (await whileLoading(review.group(at))) ?? null;
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 404) {
      review = null;
      toast("What this search found is no longer kept: find the duplicates again.", { bad: true });
      await show();
      return;
    }
    throw error;
  }
  if (mine !== turn || !review) return;
  if (group && group.members.length < 2 && view === "one") { // gone meanwhile: what is no group any more is not shown
    review.passOver(at, group.group);
    await show();
    return;
  }
  for (const name of ["one", "list", "plan"]) {
    byId(name).hidden = name !== view;
    byId(`tab-${name}`).setAttribute("aria-pressed", String(name === view));
  }
  drawHead();
  if (view === "list") await list(byId("list"), review, at, (index) => { at = index; go("one"); }, (page) => { at = review?.places(page * ROWS, 1)[0] ?? 0; replace(params()); void show().then(() => scrollTo({ top: 0 })).catch(complain); });
  else if (view === "plan") await showPlan();
  else drawOne();
}

async function showPlan() {
  byId("plan").hidden = Boolean(review) && view !== "plan";
  await planning.show();
  if (plan !== null) await planning.showPlan(plan).catch((error) => { plan = null; replace(params()); complain(error); });
}

function drawHead() {
  if (!review) return;
  const [skipped, accepted] = [review.count("skipped"), review.count("accepted")];
  const [gone, decided] = [review.passedBy("gone"), review.passedBy("decided")];
  byId("place").textContent = at < review.total ? `Group ${words.count(review.rank(at) + 1)} of ${words.count(review.open)}` : `${words.counted(review.open, "group")}`;
  byId("tally").textContent = [accepted ? `${words.count(accepted)} accepted` : "", skipped ? `${words.count(skipped)} skipped` : "", gone ? `${words.count(gone)} gone` : "", decided ? `${words.count(decided)} decided before` : ""].filter(Boolean).join(" · ");
  field("verdict-filter").value = review.filter.verdict;
  field("sure-filter").value = review.filter.probability ? String(Math.round(100 * review.filter.probability)) : "";
  const ready = review.accepted;
  byId("to-plan").textContent = ready.goes ? `Plan ${words.counted(ready.goes, "removal")}, ${words.bytes(ready.bytes)}` : "Plan";
}

function drawOne() {
  if (!review) return;
  const shown = Boolean(group);
  byId("group").hidden = !shown;
  byId("end").hidden = shown;
  if (!group) {
    one.full(false);
    drawEnd();
    drawActs();
    return;
  }
  one.show(review, group);
  drawActs();
  let next = at;
  for (let ahead = 0; ahead < 2; ahead += 1) {
    next = review.nearest(next + 1);
    if (next < review.total) void review.group(next).then(prefetch).catch(() => undefined);
  }
}

function drawActs() {
  if (!review) return;
  const said = group ? review.said.get(group.group) : undefined;
  const { goes, bytes } = group ? review.effect(group) : { goes: 0, bytes: 0 };
  byId("accept").firstElementChild?.replaceChildren(goes ? `Remove ${words.count(goes)}, ${words.bytes(bytes)}` : "Remove nothing");
  byId("said-so").textContent = said ? { accepted: "accepted", skipped: "skipped", kept: "all kept", apart: "not duplicates" }[said.state] : "";
  for (const id of ["accept", "apart", "keep-all", "skip"]) button(id).disabled = !group;
  button("before").disabled = review.nearest(at - 1, -1) < 0;
  button("after").disabled = !group;
  button("undo").disabled = !review.log.length;
}

/** @param {string} id */
const button = (id) => /** @type {HTMLButtonElement} */ (byId(id));

function drawEnd() {
  if (!review) return;
  const { groups, goes, bytes } = review.accepted;
  const skipped = review.count("skipped");
  const first = review.firstSkipped;
  byId("end").replaceChildren(
    el("h2", {}, review.open ? "That was the last group." : review.total ? "Nothing is left to review." : review.filter.verdict || review.filter.probability ? "No group passes the filter." : "No copies were found."),
    el("p", {}, `${words.counted(groups.length, "group")} accepted: ${words.counted(goes, "picture")} to remove, ${words.bytes(bytes)}. ${skipped ? `${words.counted(skipped, "group")} skipped.` : "None skipped."}`),
    el("div.made-actions", {},
      first === null ? null : el("button", { type: "button", onclick: () => moveTo(first) }, skipped === 1 ? "Look at the skipped one" : `Look at the ${skipped} skipped`),
      el("button.primary", { type: "button", disabled: !groups.length, onclick: () => go("plan") }, "Plan what was accepted")));
}

/** @param {View} to */
function go(to) {
  view = to;
  one.full(false);
  push(params());
  void show().catch(complain);
}

/** @param {number} to @param {string} [first] what is said before */
function moveTo(to, first = "") {
  if (!review) return;
  const found = review.nearest(to, to < at ? -1 : 1);
  if (found < 0 || found > review.total) return;
  at = found;
  replace(params());
  void show().then(() => say(group && review ? `${first}Group ${review.rank(at) + 1} of ${review.open}: ${group.members.length} pictures. ${byId("accept").firstElementChild?.textContent}` : "That was the last group.")).catch(complain);
}

/** The next one after `at` of which nothing was said, or that comes next anyway. */
const next = () => moveTo(at + 1);

/** @param {number} index */
function toggle(index) {
  const member = group?.members[index];
  if (!review || !group || !member) return;
  if (!mayGo(member)) { toast("It lies in a folder that is always kept."); return; }
  change(new Map([[member.id, !review.goes(member)]]));
}

/** @param {Map<number, boolean>} marks */
function change(marks) {
  if (!review || !group) return;
  if (!review.mark(group, at, marks)) {
    toast("One of a group always stays: what is removed is removed as a copy of it. Keep another one first.");
    return;
  }
  one.draw();
  drawActs();
  drawHead();
  say(byId("accept").firstElementChild?.textContent ?? "");
}

function keepOnly() {
  if (!group || !review) return;
  const focused = group.members[one.focus];
  change(new Map(group.members.filter(mayGo).map((member) => [member.id, member !== focused])));
}

function accept() {
  if (!review || !group) return;
  review.say(group, at, "accepted");
  next();
}

function skip() {
  if (!review || !group) return;
  review.say(group, at, "skipped");
  next();
}

/** @param {"keep-all" | "not-duplicates"} decision */
async function decide(decision) {
  if (!review || !group) return;
  const [mine, place, ids] = [group, at, group.members.map((member) => member.id)];
  try {
    const made = await whileLoading(api.decide({ decision, pictures: ids }));
    review.say(mine, place, decision === "keep-all" ? "kept" : "apart", made.id);
    next();
    toast(decision === "keep-all" ? "All are kept, for good." : "They are no duplicates, for good.", { undo: () => void undo() });
  } catch (error) {
    complain(error);
  }
}

async function undo() {
  if (!review) return;
  try {
    const back = await whileLoading(review.undo());
    if (back === null) { toast("There is nothing to undo."); return; }
    one.laid = "";
    view = "one";
    moveTo(back, "Undone. ");
  } catch (error) {
    complain(error);
  }
}

/** Runs what a button does; a mouse leaves the focus to the page, so that keys go on working. @param {string} id @param {() => void} run */
function press(id, run) {
  byId(id).addEventListener("click", (event) => {
    if (event.detail) byId("main").focus({ preventScroll: true });
    run();
  });
}

press("accept", accept);
press("apart", () => void decide("not-duplicates"));
press("keep-all", () => void decide("keep-all"));
press("skip", skip);
press("before", () => moveTo(at - 1));
press("after", () => moveTo(at + 1));
press("undo", () => void undo());
press("tab-one", () => go("one"));
press("tab-list", () => go("list"));
press("tab-plan", () => go("plan"));
press("to-plan", () => go("plan"));
press("again", () => {
  byId("start").hidden = !byId("start").hidden;
  if (byId("start").hidden) return;
  if (review) finder.take(review.job);
  byId("level").focus();
});

byId("filter").addEventListener("change", () => {
  if (!review) return;
  review.setFilter({ verdict: field("verdict-filter").value, probability: Math.min(Math.max(Number(field("sure-filter").value) / 100 || 0, 0), 1) });
  at = 0;
  replace(params());
  void show().catch(complain);
});
byId("filter").addEventListener("submit", (event) => event.preventDefault());

/** Only while one group is shown. @param {() => unknown} run */
const here = (run) => () => { if (view !== "one" || !review || !group) return false; run(); return undefined; };
const anywhere = (/** @type {() => unknown} */ run) => () => { if (view !== "one" || !review) return false; run(); return undefined; };
const [deciding, looking] = ["Deciding", "Looking"];
bind(
  { keys: ["ArrowLeft"], does: "Previous group", group: deciding, run: anywhere(() => moveTo(at - 1)) },
  { keys: ["ArrowRight"], does: "Next group", group: deciding, run: here(() => moveTo(at + 1)) },
  { keys: ["Enter"], does: "Accept and go on", group: deciding, run: here(accept) },
  ...Array.from({ length: 9 }, (_, index) => ({ keys: [String(index + 1)], shown: "1 – 9", does: "Keep or remove picture n", group: deciding, run: here(() => { if (group?.members[index]) { one.look(index); toggle(index); } }) })),
  { keys: ["k"], does: "Keep only the one looked at", group: deciding, run: here(keepOnly) },
  { keys: ["x", "Delete"], does: "Keep or remove the one looked at", group: deciding, run: here(() => toggle(one.focus)) },
  { keys: ["a"], does: "Keep all, for good", group: deciding, run: here(() => decide("keep-all")) },
  { keys: ["n"], does: "Not duplicates, for good", group: deciding, run: here(() => decide("not-duplicates")) },
  { keys: ["ArrowDown"], does: "Skip: it comes back", group: deciding, run: here(skip) },
  { keys: ["Ctrl+z", "Backspace"], does: "Undo the last decision", group: deciding, run: anywhere(undo) },
  { keys: [" "], does: "Flip in place", group: looking, run: here(() => one.stage.flip()) },
  { keys: ["c"], does: "Next way to look", group: looking, run: here(() => one.stage.next()) },
  { keys: ["d"], does: "Difference", group: looking, run: here(() => one.stage.setMode("difference")) },
  { keys: ["z"], does: "One to one, and back", group: looking, run: here(() => one.stage.zoom.toggle()) },
  { keys: ["+"], does: "Closer", group: looking, run: here(() => one.stage.zoom.zoom(1.5)) },
  { keys: ["-"], does: "Further away", group: looking, run: here(() => one.stage.zoom.zoom(1 / 1.5)) },
  { keys: ["0"], does: "All of it", group: looking, run: here(() => one.stage.zoom.fit()) },
  { keys: ["v"], does: "Full view, and back", group: looking, run: here(() => one.full()) },
  { keys: ["Escape"], does: "Full view, and back", group: looking, run: () => (document.body.classList.contains("full") ? one.full(false) : false) },
  { keys: ["i"], does: "All facts, or those that differ", group: looking, run: here(() => one.facts()) },
);

onBack(() => void readAddress().then(show).catch(complain));
void whileLoading(readAddress().then(show)).catch(complain);
