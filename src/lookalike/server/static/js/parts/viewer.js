// One picture, large, with all that is known of it; the others of its list are one key away.

import { file } from "./api.js";
import { el, symbol, styled } from "./dom.js";
import { bind } from "./keys.js";
import { PanZoom } from "./panzoom.js";
import { sources } from "./pictures.js";
import { toast } from "./toast.js";
import * as words from "./words.js";

/** @typedef {import("./types.js").Picture} Picture */
/** @typedef {{label: string, key: string, run: (picture: Picture) => void}} Action */

/** @param {Picture} picture @returns {[string, string][]} */
export function facts(picture) {
  return [
    ["Size", `${words.count(picture.width)} × ${words.count(picture.height)} pixels`],
    ["File", `${words.bytes(picture.bytes)}, ${words.format(picture.format)}`],
    ["Changed", words.date(picture.modified)],
    ["Folder", words.folder(picture.uri)],
  ];
}

/** @type {{show: (way: number) => void, zoom: PanZoom, actions: Action[], picture: () => Picture} | null} */
let open = null;

/**
 * @param {Picture[]} list
 * @param {number} at
 * @param {{actions?: Action[], more?: (picture: Picture) => Node[], closed?: (at: number) => void}} [options]
 */
export function view(list, at, { actions = [], more = () => [], closed } = {}) {
  const img = el("img", { alt: "", draggable: "false" });
  const pane = el("div.viewer-pane", {}, img);
  const title = el("h2", { id: "viewer-title" });
  const place = el("p.hint");
  const told = el("div.viewer-facts");
  const zoom = new PanZoom(({ scale, x, y }) => styled(img, { transform: `translate(${x}px, ${y}px) scale(${scale})` }));
  const picture = () => list[at];
  const before = el("button.icon.viewer-before", { type: "button", "aria-label": "The picture before", onclick: () => show(-1) }, symbol("left"));
  const after = el("button.icon.viewer-after", { type: "button", "aria-label": "The next picture", onclick: () => show(1) }, symbol("right"));
  const dialog = el(
    "dialog.viewer",
    { "aria-labelledby": "viewer-title", onclose: () => { open = null; dialog.remove(); closed?.(at); } },
    el("div.viewer-in", {},
      el("div.viewer-stage", {}, pane, before, after),
      el("aside.viewer-side", {},
        el("div.sheet-head", {}, title, el("button.icon", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, symbol("close"))),
        place,
        el("div.viewer-actions", {},
          ...actions.map((action) => el("button.small", { type: "button", onclick: () => act(action) }, action.label)),
          el("button.small.quiet", { type: "button", onclick: () => copy() }, "Copy path"),
          el("a.button.small.quiet", { id: "viewer-save", download: "" }, "Save file")),
        told)),
  );
  /** @param {Action} action */
  const act = (action) => { dialog.close(); action.run(picture()); };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(picture().uri);
      toast("The path is copied.");
    } catch {
      toast(picture().uri, { seconds: 12 });
    }
  };
  const sizes = () => zoom.setSizes({ width: pane.clientWidth, height: pane.clientHeight }, picture());
  /** @param {number} way */
  function show(way) {
    at = Math.min(Math.max(at + way, 0), list.length - 1);
    const { uri, width, height } = picture();
    before.disabled = at === 0;
    after.disabled = at === list.length - 1;
    img.src = "";
    img.alt = words.name(uri);
    img.width = width;
    img.height = height;
    img.srcset = sources(picture(), [512, 1024, 2048]);
    img.sizes = `${Math.min(pane.clientWidth || innerWidth, Math.round(((pane.clientHeight || innerHeight) * width) / height))}px`;
    title.textContent = words.name(uri);
    place.textContent = list.length > 1 ? `${words.count(at + 1)} of ${words.count(list.length)}` : "";
    dialog.querySelector("#viewer-save")?.setAttribute("href", file(picture().id));
    told.replaceChildren(...more(picture()), el("dl.pairs", {}, ...facts(picture()).map(([term, said]) => el("div", {}, el("dt", {}, term), el("dd", {}, said)))));
    sizes();
  }
  zoom.listen(pane);
  document.body.append(dialog);
  dialog.showModal();
  open = { show, zoom, actions, picture };
  show(0);
  new ResizeObserver(sizes).observe(pane);
}

const group = "A picture seen large";
/** @param {() => void} run */
const opened = (run) => () => { if (!open) return false; run(); return undefined; };
bind(
  { keys: ["ArrowLeft"], does: "The picture before", group, inDialog: true, run: opened(() => open?.show(-1)) },
  { keys: ["ArrowRight"], does: "The next picture", group, inDialog: true, run: opened(() => open?.show(1)) },
  { keys: ["+"], does: "Closer", group, inDialog: true, run: opened(() => open?.zoom.zoom(1.5)) },
  { keys: ["-"], does: "Further away", group, inDialog: true, run: opened(() => open?.zoom.zoom(1 / 1.5)) },
  { keys: ["0"], does: "All of it", group, inDialog: true, run: opened(() => open?.zoom.fit()) },
  { keys: ["z"], does: "One to one, and back", group, inDialog: true, run: opened(() => open?.zoom.toggle()) },
  { keys: ["Escape"], does: "Close", group },
);

/** Keys of actions, for the table; they work in the viewer as they do outside. @param {string} key @param {string} does */
export function bindAction(key, does) {
  bind({
    keys: [key], does, group, inDialog: true,
    run: () => {
      const action = open?.actions.find((one) => one.key === key);
      if (!open || !action) return false;
      const picture = open.picture();
      /** @type {HTMLDialogElement | null} */ (document.querySelector("dialog.viewer"))?.close();
      action.run(picture);
      return undefined;
    },
  });
}
