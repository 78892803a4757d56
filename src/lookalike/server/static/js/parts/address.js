// What a page shows is in its address: read from it, written to it, Back works.

/** @param {URLSearchParams} params @param {unknown} [memory] what goes with the step but not into the address */
export function push(params, memory = null) {
  history.pushState(memory, "", `${location.pathname}${[...params].length ? `?${params}` : ""}`);
}

/** @param {URLSearchParams} params @param {unknown} [memory] */
export function replace(params, memory = history.state) {
  history.replaceState(memory, "", `${location.pathname}${[...params].length ? `?${params}` : ""}`);
}

export const read = () => new URLSearchParams(location.search);

/** @param {() => void} run */
export const onBack = (run) => addEventListener("popstate", run);
