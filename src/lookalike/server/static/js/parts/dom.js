// Elements, safely: texts are always texts. Nothing here, or anywhere else, reads HTML from a string.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Makes an element: el("button.primary.small", { type: "button", onclick: f }, "Search").
 * Keys that begin with "on" are listeners, true and false set and leave out an attribute.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K | `${K}.${string}`} what
 * @param {Record<string, unknown>} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const made = /** @type {HTMLElementTagNameMap[K]} */ (document.createElement(tag));
  if (classes.length) made.classList.add(...classes);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`there is no element #${id}`);
  return found;
}

/** @param {string} id @returns {HTMLInputElement} */
export const field = (id) => /** @type {HTMLInputElement} */ (byId(id));

/** A symbol of symbols.svg. @param {string} name */
export function symbol(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", new URL(`../../symbols.svg#${name}`, import.meta.url).href);
  svg.setAttribute("class", "symbol");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** Sets styles through the CSSOM: the policy allows no style attribute. @param {HTMLElement | SVGElement} element @param {Record<string, string>} styles */
export function styled(element, styles) {
  for (const [name, value] of Object.entries(styles)) element.style.setProperty(name, value);
  return element;
}

/** Says something to those who listen rather than look. @param {string} text */
export function say(text) {
  const said = byId("said");
  said.textContent = said.textContent === text ? `${text}\u00a0` : text;
}
