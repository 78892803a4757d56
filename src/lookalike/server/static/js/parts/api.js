// Calls of the API. Addresses are told from where this file lies, so they hold wherever the application is mounted.

/** @typedef {import("./types.js").Picture} Picture */
/** @typedef {import("./types.js").Job} Job */
/** @typedef {import("./types.js").QueryRef} QueryRef */

const BASE = new URL("../../../api/v1/", import.meta.url);
const TOKEN = document.querySelector('meta[name="lookalike-token"]')?.getAttribute("content") ?? "";

/** A call that did not succeed: its message is a sentence for people. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @param {unknown} error */
export const wasAborted = (error) => error instanceof DOMException && error.name === "AbortError";

/** @param {unknown} error */
export function sentence(error) {
  const text = error instanceof Error ? error.message : String(error);
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

/**
 * @param {string} path
 * @param {{method?: string, body?: unknown, form?: FormData, signal?: AbortSignal}} [options]
 * @returns {Promise<Response>}
 */
async function request(path, { method = "GET", body, form, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = { authorization: `Bearer ${TOKEN}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(new URL(path, BASE), { method, headers, signal, body: form ?? (body === undefined ? undefined : JSON.stringify(body)) });
  } catch (error) {
    if (wasAborted(error)) throw error;
    throw new ApiError(0, "The server does not answer. Is `lookalike serve` still running?");
  }
  if (response.ok) return response;
  let said = `The server answered ${response.status}.`;
  try {
    said = (await response.json()).error ?? said;
  } catch {
    // no JSON: something between here and the server answered
  }
  throw new ApiError(response.status, said);
}

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export const get = async (path, signal) => (await request(path, { signal })).json();

/** @param {string} path @param {unknown} body @param {AbortSignal} [signal] @returns {Promise<any>} */
export const post = async (path, body, signal) => (await request(path, { method: "POST", body, signal })).json();

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<ArrayBuffer>} */
export const bytes = async (path, signal) => (await request(path, { signal })).arrayBuffer();

/** @returns {Promise<import("./types.js").Status>} */
export const status = () => get("status");

/** @param {import("./types.js").SearchRequest} asked @param {AbortSignal} [signal] @returns {Promise<import("./types.js").SearchAnswer>} */
export const search = (asked, signal) => post("search", asked, signal);

/** @param {File} file @returns {Promise<import("./types.js").Upload>} */
export async function upload(file) {
  const form = new FormData();
  form.append("picture", file, file.name || "pasted picture");
  return (await request("uploads", { method: "POST", form })).json();
}

/** @param {string} url @returns {Promise<import("./types.js").Upload>} */
export const uploadUrl = (url) => post("uploads/url", { url });

/** @param {number[]} ids @returns {Promise<Picture[]>} */
export const pictures = async (ids) => (ids.length ? (await get(`pictures?ids=${ids.join(",")}`)).pictures : []);

/** @param {number} count @param {number} seed @returns {Promise<Picture[]>} */
export const sample = async (count, seed) => (await get(`pictures/sample?count=${count}&seed=${seed}`)).pictures;

/** @param {QueryRef} a @param {QueryRef} b @param {AbortSignal} [signal] @returns {Promise<import("./types.js").Compared>} */
export const compare = (a, b, signal) => post("compare", { a, b }, signal);

/** @param {QueryRef} a @param {QueryRef} b @param {AbortSignal} [signal] */
export const explain = async (a, b, signal) => (await request("compare/explain", { method: "POST", body: { a, b }, signal })).blob();

/** @param {string[]} paths @param {boolean} retry @returns {Promise<Job>} */
export const index = (paths, retry) => post("index", { paths, retry });

/** @returns {Promise<Job[]>} */
export const jobs = async () => (await get("jobs")).jobs;

/** @param {number} id @returns {Promise<Job>} */
export const stop = (id) => post(`jobs/${id}/stop`, {});

/** @param {number} offset @param {number} limit @returns {Promise<{total: number, problems: {uri: string, error: string, reason: string}[]}>} */
export const problems = (offset, limit) => get(`problems?offset=${offset}&limit=${limit}`);

/** @param {{paths: string[], level: string, keep?: string[]}} asked @returns {Promise<Job>} */
export const duplicates = (asked) => post("duplicates", asked);

/** @param {number} job @param {{offset: number, limit: number, verdict: string, probability: number}} asked @returns {Promise<import("./types.js").GroupPage>} */
export const groups = (job, { offset, limit, verdict, probability }) =>
  get(`duplicates/${job}?offset=${offset}&limit=${limit}&probability=${probability}${verdict ? `&verdict=${verdict}` : ""}`);

/** Groups that need no review any more. @param {number} job @param {{verdict: string, probability: number}} asked @returns {Promise<{at: number, group: number, why: "gone" | "decided"}[]>} */
export const settled = async (job, { verdict, probability }) => (await get(`duplicates/${job}/settled?probability=${probability}${verdict ? `&verdict=${verdict}` : ""}`)).settled;

/** Which of some pictures are known to be copies of one another. @param {number[]} ids @param {number[]} equal whose pixels equal the query's @param {AbortSignal} [signal] @returns {Promise<number[][]>} */
export const copies = async (ids, equal, signal) => (ids.length > 1 ? (await get(`pictures/copies?ids=${ids.join(",")}&equal=${equal.join(",")}`, signal)).groups : []);

/** @param {{decision: string, pictures?: number[], folder?: string}} asked @returns {Promise<import("./types.js").Decision>} */
export const decide = (asked) => post("decisions", asked);

/** @param {number[]} ids */
export const undoDecisions = (ids) => post("decisions/undo", { decisions: ids });

/** @returns {Promise<import("./types.js").Decision[]>} */
export const decisions = async () => (await get("decisions?limit=500")).decisions;

/** @param {import("./types.js").PlanRequest} asked @returns {Promise<Job>} */
export const plan = (asked) => post("plan", asked);

/** @param {number} job @param {number} offset @param {number} limit @returns {Promise<import("./types.js").Plan>} */
export const planned = (job, offset, limit) => get(`plan/${job}?offset=${offset}&limit=${limit}`);

/** @param {number} job @param {"csv" | "jsonl"} format */
export const planFile = (job, format) => new URL(`plan/${job}/file?format=${format}`, BASE).href;

/** @param {number} plan @returns {Promise<Job>} */
export const apply = (plan) => post("apply", { plan });

/** @param {"apply" | "undo"} kind @param {number} job @param {string} only @param {number} limit @returns {Promise<import("./types.js").ActedPage>} */
export const acted = (kind, job, only, limit) => get(`${kind}/${job}?only=${only}&limit=${limit}`);

/** @param {string} run @returns {Promise<Job>} */
export const undo = (run) => post("undo", { run });

/** @returns {Promise<import("./types.js").Run[]>} */
export const history = async () => (await get("history")).runs;

/** @param {number} id @returns {Promise<Job>} */
export const job = (id) => get(`jobs/${id}`);

/** @param {Job} job */
export const isOver = (job) => ["done", "failed", "stopped"].includes(job.state);

/**
 * Calls back whenever a job changes, until it is over. Returns what ends the watching.
 * @param {number} id @param {(job: Job) => void} changed
 */
export function watch(id, changed) {
  const events = new EventSource(new URL(`jobs/${id}/events`, BASE));
  events.addEventListener("job", (event) => {
    /** @type {Job} */
    const job = JSON.parse(/** @type {MessageEvent} */ (event).data);
    if (["done", "failed", "stopped"].includes(job.state)) events.close();
    changed(job);
  });
  return () => events.close();
}

/** @param {number} id @param {number} side @param {string} version */
export const thumbnail = (id, side, version) => new URL(`pictures/${id}/thumbnail?side=${side}&version=${version}`, BASE).href;

/** @param {string} id @param {number} side */
export const uploadThumbnail = (id, side) => new URL(`uploads/${id}/thumbnail?side=${side}`, BASE).href;

/** @param {number} id */
export const file = (id) => new URL(`pictures/${id}/file`, BASE).href;
