// What the API takes and answers, for the type checker: see schemas.py.

/** @typedef {{id: number, uri: string, width: number, height: number, bytes: number, format: string | null, modified: number, version: string}} Picture */
/** @typedef {{verdict: string, probability: number, reason: string, reason_back: string, scene_probability: number, transform: number[][] | null, mirrored: boolean, negative: boolean, inliers: number, share_a: number, share_b: number, agreement: number, moved: number, edits: string[]}} Evidence */
/** @typedef {Picture & {rank: number, distance: number | null, verdict: string | null, probability: number | null, evidence: Evidence | null}} Found */
/** @typedef {{query: string, problem: string | null, library: number[], results: Found[]}} QueryAnswer */
/** @typedef {{queries: QueryAnswer[], descriptor: string, verified: boolean, probability: number, seconds: number}} SearchAnswer */
/** @typedef {{upload: string, name: string, width: number, height: number, bytes: number, format: string, library: number[]}} Upload */
/** @typedef {{id?: number, upload?: string, url?: string}} QueryRef */
/** @typedef {[number, number, number, number]} Region left, top, width, height, as shares */
/** @typedef {{under?: string[], after?: string, before?: string, min_side?: number, max_side?: number, min_bytes?: number, max_bytes?: number, formats?: string[], label?: string[]}} Filters */
/** @typedef {{queries: QueryRef[], k: number, verify: boolean, together: boolean, region?: Region | null, only?: Filters}} SearchRequest */
/** @typedef {{a: string, b: string, distances: Record<string, number>, width_a: number, height_a: number, width_b: number, height_b: number, bytes_a: number, bytes_b: number, format_a: string, format_b: string, same_bytes: boolean, same_pixels: boolean, verdict: string | null, probability: number | null, evidence: Evidence | null}} Compared */
/** @typedef {{indexed: number, failed: number, skipped: number, missing: number, contents: number, bytes: number, roots: string[], descriptors: Record<string, number>, library: string, library_bytes: number, version: number, probability: number, writable: boolean, max_upload: number, lookalike: string}} Status */
/** @typedef {{id: number, kind: string, title: string, state: "waiting" | "running" | "done" | "failed" | "stopped", progress: Record<string, any>, result: Record<string, any> | null, error: string | null, started: number | null, ended: number | null}} Job */
/** @typedef {Picture & {keeper: boolean, verdict: string | null, probability: number | null, distance: number | null, reason: string, evidence: Evidence | null, hardlink: boolean, protected: boolean}} Member */
/** @typedef {{group: number, members: Member[], bytes: number}} Group */
/** @typedef {{job: number, level: string, total: number, pictures: number, bytes: number, groups: Group[]}} GroupPage */
/** @typedef {{job: number, groups: number[] | null, verdict: string | null, probability: number, keep: number[], remove: number[], act: string, move_to: string | null, protect: string[]}} PlanRequest */
/** @typedef {{id: number, version: string, width: number, height: number, group: number | null, uri: string, keeper: boolean, act: string, to: string, verdict: string | null, probability: number | null, bytes: number, size: number | null, reason: string, together: string[]}} PlanRow */
/** @typedef {{job: number, files: number, bytes: number, sum: {act: string, files: number, bytes: number}[], left_out: {reason: string, files: number}[], samples: {row: PlanRow, keeper: PlanRow}[], total: number, rows: PlanRow[]}} Plan */
/** @typedef {{job: number, run: string, counts: Record<string, number>, total: number, rows: {uri: string, act: string, state: string, to: string, bytes: number, reason: string}[]}} ActedPage */
/** @typedef {{run: string, started: number, plan: string, state: string, acts: string[], done: number, undone: number, deleted: number, refused: number, bytes: number}} Run */
/** @typedef {{id: number, decision: string, uris: string[], decided: string}} Decision */

export {};
