// Maps and clusters are made by jobs: those that are there are found, new ones are started and watched.

import * as api from "../parts/api.js";
import { el, styled } from "../parts/dom.js";
import { complain } from "../parts/toast.js";
import { count, duration } from "../parts/words.js";

/** @typedef {import("../parts/types.js").Job} Job */

/** @param {Job} job */
export const isOver = (job) => ["done", "failed", "stopped"].includes(job.state);

/** The newest that is done, or is being done. @param {string} kind @param {string} [descriptor] */
export async function newest(kind, descriptor) {
  const all = (await api.jobs()).filter((job) => job.kind === kind && (!descriptor || !job.result || job.result.descriptor === descriptor || job.result.descriptor === undefined));
  return all.find((job) => job.state === "done") ?? all.find((job) => !isOver(job)) ?? null;
}

/** Shows how far a job is, until it is over. @param {Job} job @param {HTMLElement} box @param {string} what @returns {Promise<Job>} */
export function watched(job, box, what) {
  return new Promise((resolve) => {
    const told = el("p", { role: "status" });
    const fill = el("span.bar-fill.unknown");
    const bar = el("div.bar-track", { role: "progressbar", "aria-label": what }, fill);
    const stop = el("button.small.quiet", { type: "button", onclick: () => api.stop(job.id).catch(complain) }, "Stop");
    const shown = el("div.working", {}, el("div.grow", {}, told, bar), stop);
    box.replaceChildren(shown);
    const began = Date.now();
    let now = job;
    const tell = () => {
      const { stage, done, total } = now.progress;
      const since = duration(Math.max(Math.round((Date.now() - began) / 1000), 1));
      told.textContent = now.state === "waiting" ? `${what} waits for its turn: jobs are done one after the other` : `${what}${stage && total ? `, ${stage}: ${count(done)} of ${count(total)}` : ""} … ${since}`;
      fill.classList.toggle("unknown", !total);
      styled(fill, { width: total ? `${Math.min(100, (100 * done) / total)}%` : "" });
    };
    const timer = setInterval(tell, 1000);
    tell();
    api.watch(job.id, (next) => {
      now = next;
      tell();
      if (!isOver(next)) return;
      clearInterval(timer);
      shown.remove();
      resolve(next);
    });
  });
}
