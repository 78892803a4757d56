// What is known of the pictures asked about: of uploads what the server told when they came, of others what it tells now.

import * as api from "./api.js";
import { written } from "./pictures.js";
import { name } from "./words.js";

/** @typedef {import("./types.js").QueryRef} QueryRef */
/** @typedef {{ref: QueryRef, held: QueryRef, name: string, uri: string, width: number, height: number, bytes: number, format: string, modified: number | null, version: string}} Known `held` names what the server holds: of an address the upload that was fetched from it. */

/** @type {Map<string, Promise<Known>>} */
const known = new Map();
/** @type {Map<string, File>} */
const files = new Map();

/** @param {QueryRef} ref @param {import("./types.js").Upload} told @returns {Known} */
const fromUpload = (ref, told) => ({
  ref, held: { upload: told.upload }, name: name(told.name), uri: told.name, width: told.width, height: told.height,
  bytes: told.bytes, format: told.format, modified: null, version: "",
});

/** Sends a picture. @param {File} file @returns {Promise<QueryRef>} */
export async function send(file) {
  const told = await api.upload(file);
  const ref = { upload: told.upload };
  files.set(told.upload, file);
  known.set(written(ref), Promise.resolve(fromUpload(ref, told)));
  return ref;
}

/** Sends again what the server has forgotten meanwhile, if this page still has it. @param {QueryRef[]} refs */
export async function sendAgain(refs) {
  const forgotten = refs.map((ref) => (ref.upload ? files.get(ref.upload) : undefined)).filter((file) => file !== undefined);
  for (const file of forgotten) await send(/** @type {File} */ (file));
  return forgotten.length > 0;
}

/** @param {QueryRef} ref @returns {Promise<Known>} */
async function ask(ref) {
  if (ref.id !== undefined) {
    const picture = (await api.pictures([ref.id]))[0];
    if (!picture) throw new Error(`the library has no picture ${ref.id}`);
    return { ...picture, ref, held: ref, name: name(picture.uri), format: picture.format ?? "" };
  }
  if (ref.url !== undefined) return fromUpload(ref, await api.uploadUrl(ref.url));
  // An upload of an earlier visit: what it is called is no longer known here.
  const size = await new Promise((resolve) => {
    const img = new Image();
    img.onload = () => resolve({ width: img.naturalWidth, height: img.naturalHeight });
    img.onerror = () => resolve({ width: 4, height: 3 });
    img.src = api.uploadThumbnail(ref.upload ?? "", 512);
  });
  return { ref, held: ref, name: "picture that was sent", uri: "", bytes: 0, format: "", modified: null, version: "", ...size };
}

/** @param {QueryRef} ref @returns {Promise<Known>} */
export function about(ref) {
  const key = written(ref);
  let promise = known.get(key);
  if (!promise) {
    promise = ask(ref);
    known.set(key, promise);
    promise.catch(() => known.delete(key));
  }
  return promise;
}
