// Numbers and names as people read them.

const COUNT = new Intl.NumberFormat("en");
const DATE = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

/** @param {number} number */
export const count = (number) => COUNT.format(number);

/** @param {number} number @param {string} one @param {string} [several] */
export const counted = (number, one, several = `${one}s`) => `${count(number)} ${number === 1 ? one : several}`;

/** @param {number} number */
export function bytes(number) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (number >= 999.5 && at < units.length - 1) {
    number /= 1000;
    at += 1;
  }
  return `${at === 0 || number >= 99.95 ? Math.round(number) : number.toFixed(1)} ${units[at]}`;
}

/** @param {number} seconds since 1970 */
export const date = (seconds) => DATE.format(new Date(seconds * 1000));

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return `${Math.max(Math.round(seconds * 1000), 1)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s` : `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** The last part of a path or address. @param {string} uri */
export function name(uri) {
  const parts = uri.split(/[/\\]/).filter(Boolean);
  return parts[parts.length - 1] ?? uri;
}

/** All but the last part. @param {string} uri */
export const folder = (uri) => uri.slice(0, Math.max(uri.length - name(uri).length - 1, 0));

/** @param {number | null} distance */
export const distance = (distance) => (distance === null ? "no vector" : distance.toFixed(3));

/** @param {string} verdict */
export const verdict = (verdict) => verdict.replace("-", " ");

/** What a verdict means, as a kind that has a colour and a mark. @param {string | null} verdict */
export function kind(verdict) {
  if (verdict === null) return "none";
  if (["same-file", "same-pixels", "same-picture", "edited"].includes(verdict)) return "copy";
  return verdict === "same-scene" ? "scene" : "plain";
}

/** A format's usual name. @param {string | null} format */
export const format = (format) => (format ? format.toUpperCase() : "unknown");

/** @param {number} probability */
export const percent = (probability) => (probability > 0.995 && probability < 1 ? "over 99 %" : `${Math.round(probability * 100)} %`);
