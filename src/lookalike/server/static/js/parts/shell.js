// What every page does: what the header tells, light or dark, the list of keys.

import { status } from "./api.js";
import { byId, say } from "./dom.js";
import "./keys.js";
import { counted, name } from "./words.js";

const root = document.documentElement;

byId("theme").addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  say(dark ? "Light colours" : "Dark colours");
  try {
    localStorage.setItem("lookalike-theme", root.dataset.theme);
  } catch {
    // storage may be forbidden: it holds for this page
  }
});

/** @type {Promise<import("./types.js").Status>} */
export const held = status();
held.then(
  (found) => {
    byId("holding").textContent = `${name(found.library)} · ${counted(found.indexed, "picture")}`;
    byId("holding").title = found.library;
  },
  () => undefined,
);
