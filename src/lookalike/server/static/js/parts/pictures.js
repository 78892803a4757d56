// A picture wherever it is from: what it is called, its thumbnails, how it is named in an address.

import { thumbnail, uploadThumbnail } from "./api.js";
import { el } from "./dom.js";
import { name } from "./words.js";

/** @typedef {import("./types.js").QueryRef} QueryRef */
/** @typedef {import("./types.js").Picture} Picture */

/** @param {QueryRef} ref */
export function written(ref) {
  return ref.id !== undefined ? `id:${ref.id}` : ref.upload !== undefined ? `upload:${ref.upload}` : `url:${ref.url}`;
}

/** @param {string} text @returns {QueryRef | null} */
export function readRef(text) {
  const [kind, rest] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
  if (kind === "id" && /^[1-9]\d{0,17}$/.test(rest)) return { id: Number(rest) };
  if (kind === "upload" && /^[0-9a-f]{1,64}$/.test(rest)) return { upload: rest };
  return kind === "url" && /^https?:/i.test(rest) ? { url: rest } : null;
}

/** Widths of a picture's thumbnails, whose longer side is told. @param {Picture} picture @param {number[]} sides */
export function sources(picture, sides) {
  const long = Math.max(picture.width, picture.height, 1);
  return sides.map((side) => `${thumbnail(picture.id, side, picture.version)} ${Math.max(Math.round(picture.width * Math.min(side / long, 1)), 1)}w`).join(", ");
}

/** @param {Picture} picture @param {number} shownWidth @param {number[]} [sides] */
export function image(picture, shownWidth, sides = [256, 512]) {
  return el("img", {
    srcset: sources(picture, sides), sizes: `${Math.ceil(shownWidth)}px`, src: thumbnail(picture.id, sides[0], picture.version),
    alt: name(picture.uri), loading: "lazy", decoding: "async", draggable: "false",
  });
}

/** A picture that was sent or is in the library, by one address. @param {QueryRef} ref @param {number} side @param {string} [version] */
export const address = (ref, side, version = "") => (ref.upload !== undefined ? uploadThumbnail(ref.upload, side) : thumbnail(ref.id ?? 0, side, version));
