// Pictures that come in: dropped anywhere, pasted, picked, taken by a camera; addresses told apart from pictures.

import { byId } from "./dom.js";

/** @param {string} text */
export function address(text) {
  const line = text.trim().split(/\s/)[0] ?? "";
  return /^https?:\/\/\S+$/i.test(line) ? line : null;
}

/** @param {DataTransfer | null} data @returns {File[]} */
function filesOf(data) {
  return data ? [...data.files] : [];
}

/** @param {DataTransfer} data */
function addressOf(data) {
  return address(data.getData("text/uri-list").split("\n").find((line) => line && !line.startsWith("#")) ?? "") ?? address(data.getData("text/plain"));
}

/**
 * The whole window takes pictures.
 * @param {{files: (files: File[], at: {x: number, y: number} | null) => void, url: (url: string, at: {x: number, y: number} | null) => void, other: () => void}} to
 */
export function takeIn(to) {
  const veil = byId("dropping");
  let inside = 0;
  /** @param {DragEvent} event */
  const isOurs = (event) => event.dataTransfer?.types.some((type) => type === "Files" || type === "text/uri-list") && !event.dataTransfer.types.includes("application/x-lookalike");
  addEventListener("dragenter", (event) => {
    if (!isOurs(event)) return;
    inside += 1;
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!isOurs(event)) return;
    inside = Math.max(inside - 1, 0);
    veil.hidden = inside === 0;
  });
  addEventListener("dragover", (event) => { if (isOurs(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    inside = 0;
    veil.hidden = true;
    if (!isOurs(event) || !event.dataTransfer) return;
    event.preventDefault();
    const at = { x: event.clientX, y: event.clientY };
    const files = filesOf(event.dataTransfer);
    const url = files.length ? null : addressOf(event.dataTransfer);
    if (files.length) to.files(files, at);
    else if (url) to.url(url, at);
    else to.other();
  });
  addEventListener("paste", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const files = filesOf(event.clipboardData);
    if (files.length) {
      event.preventDefault();
      to.files(files, null);
      return;
    }
    if (event.target instanceof HTMLInputElement && event.target.type === "text") return; // text goes where it was meant
    const url = event.clipboardData ? addressOf(event.clipboardData) : null;
    if (url) {
      event.preventDefault();
      to.url(url, null);
    } else to.other();
  });
}
