// Runs before anything is drawn, so that a remembered choice of light or dark never flashes.
"use strict";
(() => {
  try {
    const chosen = localStorage.getItem("lookalike-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // storage may be forbidden: the system's choice stands
  }
})();
