// The page of the library: what it holds, what failed and why, what is being done.

import "./parts/shell.js";
import * as api from "./parts/api.js";
import { byId, el, field, say, styled } from "./parts/dom.js";
import { complain, toast } from "./parts/toast.js";
import { bind } from "./parts/keys.js";
import * as words from "./parts/words.js";

/** @typedef {import("./parts/types.js").Status} Status */
/** @typedef {import("./parts/types.js").Job} Job */

const PAGE = 50;
let offset = 0;
/** @type {Map<number, HTMLLIElement>} */
const rows = new Map();

/** @param {Status} found */
function showStatus(found) {
  byId("where").textContent = `${found.library}, ${words.bytes(found.library_bytes)} on disk`;
  /** @type {[string, string, string][]} */
  const counts = [
    ["Pictures", words.count(found.indexed), `${words.bytes(found.bytes)} of files`],
    ["Different files", words.count(found.contents), found.indexed > found.contents ? `${words.counted(found.indexed - found.contents, "exact copy", "exact copies")}` : "no exact copies"],
    ["Failed", words.count(found.failed), found.failed ? "see below" : "none"],
    ["Skipped", words.count(found.skipped), found.skipped ? "see below" : "none"],
    ["Missing", words.count(found.missing), found.missing ? "files that are gone" : "none"],
  ];
  byId("counts").replaceChildren(...counts.map(([term, number, note]) => el("div.count", {}, el("dt", {}, term), el("dd", {}, el("strong", {}, number), el("span.hint", {}, note)))));
  byId("roots").replaceChildren(
    ...(found.roots.length ? found.roots : ["nothing yet"]).map((root) => el("li.root", {}, el("span.path", {}, root),
      found.roots.length && found.writable ? el("button.small.quiet", { type: "button", "aria-label": `Index ${root} again`, onclick: () => void index(root) }, "Index again") : null)),
  );
  byId("descriptors").replaceChildren(...Object.entries(found.descriptors).map(([name, number]) => el("li.root", {}, el("span", {}, name), el("span.hint", {}, words.counted(number, "vector")))));
  byId("add").hidden = !found.writable;
  byId("readonly").hidden = found.writable;
}

async function refresh() {
  try {
    showStatus(await api.status());
    await showProblems();
  } catch (error) {
    complain(error);
  }
}

async function showProblems() {
  const { total, problems } = await api.problems(offset, PAGE);
  const box = byId("problems");
  if (!total) {
    box.replaceChildren(el("p.hint", {}, "None: every file that was found is indexed."));
    return;
  }
  const go = (/** @type {number} */ way) => () => { offset = Math.max(offset + way * PAGE, 0); void showProblems().catch(complain); };
  box.replaceChildren(
    el("div.table-box", { tabindex: "0", role: "group", "aria-label": "List of these files" },
      el("table.problems", {},
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "File"), el("th", { scope: "col" }, "Reason"))),
        el("tbody", {}, ...problems.map((one) => el("tr", {},
          el("td", {}, el("span.path", { title: one.uri }, words.name(one.uri)), el("span.hint.path", {}, words.folder(one.uri))),
          el("td", {}, el("span.chip.plain", {}, one.error), el("span.reason", {}, one.reason))))))),
    el("div.pager", {},
      el("button.small.quiet", { type: "button", onclick: go(-1), ...(offset === 0 ? { disabled: true } : {}) }, "Before"),
      el("span.hint", { role: "status" }, `${words.count(offset + 1)} to ${words.count(offset + problems.length)} of ${words.count(total)}`),
      el("button.small.quiet", { type: "button", onclick: go(1), ...(offset + PAGE >= total ? { disabled: true } : {}) }, "Next")),
  );
}

const STATES = { waiting: "waiting", running: "running", done: "done", failed: "failed", stopped: "stopped" };

/** @param {Job} job */
function told(job) {
  const { progress, result } = job;
  if (job.error) return api.sentence(job.error);
  if (job.state === "running" && progress.stage) {
    const of = progress.total ? ` of ${words.count(progress.total)}` : "";
    const failed = progress.failed ? `, ${words.count(progress.failed)} failed` : "";
    return `${String(progress.stage).charAt(0).toUpperCase()}${String(progress.stage).slice(1)}: ${words.count(progress.done ?? 0)}${of}${failed}`;
  }
  if (job.kind === "index" && result) {
    const parts = ["added", "changed", "unchanged", "failed", "skipped"].filter((name) => result[name]).map((name) => `${words.count(result[name])} ${name}`);
    return `${parts.join(", ") || "Nothing found"}, in ${words.duration(result.seconds)}`;
  }
  if (job.started && job.ended) return `Took ${words.duration(job.ended - job.started)}`;
  return "";
}

/** @param {Job} job */
function draw(job) {
  const over = ["done", "failed", "stopped"].includes(job.state);
  const { done, total } = job.progress;
  const share = job.state === "done" ? 1 : total ? Math.min(done / total, 1) : 0;
  const fill = el("span.bar-fill");
  styled(fill, { width: `${share * 100}%` });
  const before = rows.get(job.id);
  const item = before ?? el("li.job");
  item.dataset.state = job.state;
  const focused = item.contains(document.activeElement);
  const button = over ? null : el("button.small.quiet", { type: "button", "aria-label": `Stop: ${job.title}`, onclick: () => api.stop(job.id).then(draw, complain) }, "Stop");
  item.replaceChildren(...[
    el("div.job-head", {}, el("span.path", {}, job.title), el(`span.chip.${job.state === "done" ? "done" : job.state === "failed" ? "bad" : "plain"}`, {}, STATES[job.state])),
    el("div.bar-track", { role: "progressbar", "aria-label": job.title, "aria-valuemin": "0", "aria-valuemax": "100", ...(total || over ? { "aria-valuenow": String(Math.round(share * 100)) } : {}) }, fill),
    el("div.job-foot", {}, el("span.hint", {}, told(job)), button),
  ]);
  if (focused) button?.focus();
  if (!before) {
    rows.set(job.id, item);
    byId("jobs").prepend(item);
  }
  byId("no-jobs").hidden = rows.size > 0;
}

/** @param {Job} job */
function follow(job) {
  draw(job);
  if (["done", "failed", "stopped"].includes(job.state)) return;
  api.watch(job.id, (now) => {
    draw(now);
    if (["done", "failed", "stopped"].includes(now.state)) {
      say(`${now.title}: ${now.state}. ${told(now)}`);
      void refresh();
    }
  });
}

/** @param {string} path */
async function index(path) {
  try {
    follow(await api.index([path], field("retry").checked));
    toast("Indexing begins.");
  } catch (error) {
    complain(error);
  }
}

byId("add").addEventListener("submit", (event) => {
  event.preventDefault();
  const path = field("path").value.trim();
  if (!path) return;
  field("path").value = "";
  void index(path);
});
bind({ keys: ["a"], does: "Add a folder", group: "Library", run: () => (byId("add").hidden ? false : field("path").focus()) });

void refresh();
api.jobs().then((all) => {
  [...all].reverse().forEach(follow);
  byId("no-jobs").hidden = rows.size > 0;
}, complain);
