"use strict";
(() => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const { x, y, name, folder, kind, picture, classes } = content;
  const classOf = content.class;
  const n = x.length;
  const get = (id) => document.getElementById(id);
  const canvas = get("map"), card = get("card"), stage = get("stage");
  const pen = canvas.getContext("2d");
  const shown = classes.map(() => true);
  let matches = null; // places that the search found, or null when nothing is looked for
  let emphasised = -1; // class under the pointer in the legend
  let active = -1, kept = false; // dot whose card is open, and whether it stays open
  let withPictures = false;
  let width = 0, height = 0, ratio = 1, scale = 1, fit = 1, left = 0, top = 0;
  let waiting = false, colours = {}, placed = [];

  // The order in which pictures get their room: mixed, and always the same.
  const order = Array.from({ length: n }, (_, at) => at);
  for (let at = n - 1, seed = 1; at > 0; at--) {
    seed = (seed * 48271) % 2147483647;
    const other = seed % (at + 1);
    [order[at], order[other]] = [order[other], order[at]];
  }

  const screenX = (at) => x[at] * scale + left;
  const screenY = (at) => -y[at] * scale + top;
  const visible = (at) => shown[classOf[at]] && (!matches || matches.has(at));
  const radius = () => Math.max(2.2, Math.min(9, (n > 1500 ? 3 : n > 300 ? 4.2 : 6) * Math.pow(scale / fit, 0.3)));

  const images = new Map();
  function image(at) {
    if (!picture[at]) return null;
    if (!images.has(at)) {
      const one = new Image();
      one.onload = draw;
      one.src = kind + picture[at];
      images.set(at, one);
    }
    const one = images.get(at);
    return one.complete && one.naturalWidth ? one : null;
  }

  function draw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; paint(); });
  }

  function paint() {
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const r = radius();
    const inView = (at, edge) => {
      const px = screenX(at), py = screenY(at);
      return px > -edge && py > -edge && px < width + edge && py < height + edge;
    };
    for (let pass = 0; pass < 2; pass++) { // what is not looked for lies below
      for (let at = 0; at < n; at++) {
        if (!shown[classOf[at]] || !inView(at, r)) continue;
        const dim = (matches && !matches.has(at)) || (emphasised >= 0 && classOf[at] !== emphasised);
        if (dim === (pass === 1)) continue;
        pen.globalAlpha = dim ? 0.12 : 0.85;
        pen.fillStyle = classes[classOf[at]].colour;
        pen.beginPath();
        pen.arc(screenX(at), screenY(at), r, 0, 2 * Math.PI);
        pen.fill();
      }
    }
    pen.globalAlpha = 1;
    placed = [];
    if (withPictures) paintPictures(inView);
    if (active >= 0) {
      pen.beginPath();
      pen.arc(screenX(active), screenY(active), r + 3.5, 0, 2 * Math.PI);
      pen.strokeStyle = colours.card;
      pen.lineWidth = 5;
      pen.stroke();
      pen.strokeStyle = colours.ink;
      pen.lineWidth = 2.5;
      pen.stroke();
    }
    placeCard();
  }

  function paintPictures(inView) {
    const side = Math.max(34, Math.min(96, 38 * Math.pow(scale / fit, 0.35))), cell = side + 5, taken = new Map();
    for (const at of order) {
      if (!visible(at) || !picture[at] || !inView(at, side / 2)) continue;
      if (emphasised >= 0 && classOf[at] !== emphasised) continue;
      const px = screenX(at), py = screenY(at), column = Math.floor(px / cell), row = Math.floor(py / cell);
      let free = true;
      for (let i = column - 1; free && i <= column + 1; i++) {
        for (let j = row - 1; free && j <= row + 1; j++) {
          const other = taken.get(i + "," + j);
          if (other && Math.abs(other[0] - px) < cell && Math.abs(other[1] - py) < cell) free = false;
        }
      }
      if (!free) continue;
      taken.set(column + "," + row, [px, py]);
      const one = image(at);
      if (!one) continue;
      const factor = side / Math.max(one.naturalWidth, one.naturalHeight);
      const w = one.naturalWidth * factor, h = one.naturalHeight * factor;
      pen.fillStyle = classes[classOf[at]].colour;
      pen.fillRect(px - w / 2 - 2, py - h / 2 - 2, w + 4, h + 4);
      pen.drawImage(one, px - w / 2, py - h / 2, w, h);
      placed.push([at, px, py, w / 2 + 2, h / 2 + 2]);
    }
  }

  function nearest(px, py, reach) {
    let best = -1, least = reach * reach;
    for (let at = 0; at < n; at++) {
      if (!visible(at)) continue;
      const dx = screenX(at) - px, dy = screenY(at) - py, far = dx * dx + dy * dy;
      if (far < least) { least = far; best = at; }
    }
    return best;
  }

  function pick(px, py, reach) {
    const over = placed.find(([, cx, cy, w, h]) => Math.abs(px - cx) <= w && Math.abs(py - cy) <= h);
    return over ? over[0] : nearest(px, py, reach);
  }

  function show(at, keep, say) {
    if (at === active && keep === kept) return;
    active = at;
    kept = at >= 0 && keep;
    card.hidden = at < 0;
    if (at >= 0) {
      const [photo, missing] = card.querySelector(".well").children;
      photo.hidden = !picture[at];
      missing.hidden = Boolean(picture[at]);
      photo.src = picture[at] ? kind + picture[at] : "";
      const cut = Math.max(name[at].lastIndexOf("/"), name[at].lastIndexOf("\\")) + 1;
      photo.alt = name[at].slice(cut);
      card.querySelector(".name").textContent = name[at].slice(cut);
      card.querySelector(".path").textContent = folder + name[at];
      const kindOf = card.querySelector(".class");
      kindOf.hidden = !content.labelled;
      kindOf.children[0].style.background = classes[classOf[at]].colour;
      kindOf.children[1].textContent = classes[classOf[at]].name;
      card.classList.toggle("kept", kept);
      if (say) get("said").textContent = name[at].slice(cut) + (content.labelled ? ", " + classes[classOf[at]].name : "");
    }
    draw();
  }

  function placeCard() {
    if (active < 0) return;
    const px = screenX(active), py = screenY(active), w = card.offsetWidth, h = card.offsetHeight, gap = radius() + 10;
    let at = px + gap;
    if (at + w > width - 6) at = px - gap - w;
    card.style.transform = `translate(${Math.round(Math.max(6, Math.min(width - w - 6, at)))}px,` +
      `${Math.round(Math.max(6, Math.min(height - h - 6, py - h / 2)))}px)`;
  }

  function zoom(factor, px, py) {
    const next = Math.max(fit * 0.5, Math.min(fit * 400, scale * factor));
    left = px - (px - left) * (next / scale);
    top = py - (py - top) * (next / scale);
    scale = next;
    draw();
  }

  function showAll() {
    let right = 1, high = 1;
    for (let at = 0; at < n; at++) {
      right = Math.max(right, Math.abs(x[at]));
      high = Math.max(high, Math.abs(y[at]));
    }
    fit = scale = Math.max(1e-6, Math.min((width / 2 - 28) / right, (height / 2 - 28) / high));
    left = width / 2;
    top = height / 2;
    draw();
  }

  function resize() {
    const box = stage.getBoundingClientRect(), before = [width, height], whole = scale === fit;
    width = box.width;
    height = box.height;
    ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
    if (whole) return showAll();
    left += (width - before[0]) / 2;
    top += (height - before[1]) / 2;
    draw();
  }

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    colours = { ink: style.getPropertyValue("--ink").trim(), card: style.getPropertyValue("--card").trim() };
    draw();
  }

  // Pointer: hover, click, drag, pinch.
  const held = new Map();
  let moved = 0, spread = 0;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, place(event));
    if (held.size === 1) moved = 0;
    spread = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const [px, py] = place(event), before = held.get(event.pointerId);
    if (!before) {
      const at = pick(px, py, Math.max(14, radius() + 5));
      canvas.classList.toggle("over", at >= 0);
      if (!kept) show(at, false, false);
      return;
    }
    held.set(event.pointerId, [px, py]);
    moved += Math.abs(px - before[0]) + Math.abs(py - before[1]);
    if (moved > 4) canvas.classList.add("moving");
    if (held.size === 1) {
      left += px - before[0];
      top += py - before[1];
      draw();
    } else if (held.size === 2) {
      const [a, b] = [...held.values()], apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (spread) zoom(apart / spread, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      spread = apart;
    }
  });
  const release = (event) => {
    const was = held.delete(event.pointerId);
    spread = 0;
    canvas.classList.remove("moving");
    if (was && event.type === "pointerup" && moved <= 4 && !held.size) {
      const at = pick(...place(event), event.pointerType === "touch" ? 24 : 14);
      show(at, !(kept && at === active), true);
    }
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => { if (!kept && !held.size) show(-1, false, false); });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const step = event.deltaMode === 1 ? event.deltaY * 30 : event.deltaY;
    zoom(Math.exp(-Math.max(-240, Math.min(240, step)) * 0.0022), ...place(event));
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => zoom(event.shiftKey ? 0.5 : 2, ...place(event)));

  // Keys: to the dot that lies nearest in a direction, with twice as much weight across it.
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function step(way) {
    if (active < 0) return show(nearest(width / 2, height / 2, Infinity), kept, true);
    let best = -1, least = Infinity;
    for (let at = 0; at < n; at++) {
      if (at === active || !visible(at)) continue;
      const dx = screenX(at) - screenX(active), dy = screenY(at) - screenY(active);
      const along = dx * way[0] + dy * way[1], across = Math.abs(dx * way[1]) + Math.abs(dy * way[0]);
      if (along > 0 && along >= across * 0.5 && along + 2 * across < least) { least = along + 2 * across; best = at; }
    }
    if (best < 0) return undefined;
    const px = screenX(best), py = screenY(best);
    if (px < 20 || px > width - 20) left += width / 2 - px;
    if (py < 20 || py > height - 20) top += height / 2 - py;
    return show(best, kept, true);
  }
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const px = active < 0 ? width / 2 : screenX(active), py = active < 0 ? height / 2 : screenY(active);
    if (ways[event.key]) step(ways[event.key]);
    else if (event.key === "+" || event.key === "=") zoom(1.4, px, py);
    else if (event.key === "-") zoom(1 / 1.4, px, py);
    else if (event.key === "0") showAll();
    else if (event.key === "Enter" || event.key === " ") show(active, !kept, true);
    else if (event.key === "Escape") show(-1, false, false);
    else if (event.key.toLowerCase() === "p") get("pictures").click();
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("focus", () => {
    if (active < 0 && canvas.matches(":focus-visible")) show(nearest(width / 2, height / 2, Infinity), false, true);
  });
  canvas.addEventListener("blur", () => { if (!kept) show(-1, false, false); });

  get("in").addEventListener("click", () => zoom(1.5, width / 2, height / 2));
  get("out").addEventListener("click", () => zoom(1 / 1.5, width / 2, height / 2));
  get("all").addEventListener("click", showAll);
  get("pictures").addEventListener("click", () => {
    withPictures = !withPictures;
    get("pictures").setAttribute("aria-pressed", String(withPictures));
    draw();
  });

  get("find").addEventListener("input", () => {
    const text = get("find").value.trim().toLowerCase();
    matches = text ? new Set(order.filter((at) => name[at].toLowerCase().includes(text))) : null;
    get("found").textContent = matches ? matches.size.toLocaleString("en") : "";
    if (active >= 0 && !visible(active)) show(-1, false, false);
    draw();
  });

  // Legend.
  const buttons = classes.map((one, at) => {
    const button = document.createElement("button"), dot = document.createElement("span");
    const label = document.createElement("span"), count = document.createElement("span");
    button.type = "button";
    dot.className = "dot";
    dot.style.background = one.colour;
    label.textContent = one.name;
    count.className = "count";
    count.textContent = one.count.toLocaleString("en");
    button.append(dot, label, count);
    button.addEventListener("click", () => { shown[at] = !shown[at]; legend(); });
    button.addEventListener("dblclick", () => { shown.forEach((_, i) => { shown[i] = i === at; }); legend(); });
    button.addEventListener("pointerenter", () => { emphasised = shown[at] ? at : -1; draw(); });
    button.addEventListener("pointerleave", () => { emphasised = -1; draw(); });
    const item = document.createElement("li");
    item.append(button);
    get("legend").append(item);
    return button;
  });
  function legend() {
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(shown[at])));
    get("toggle").textContent = shown.some(Boolean) ? "hide all" : "show all";
    emphasised = -1;
    if (active >= 0 && !visible(active)) show(-1, false, false);
    draw();
  }
  get("toggle").addEventListener("click", () => {
    const any = shown.some(Boolean);
    shown.fill(!any);
    legend();
  });
  get("side").hidden = !content.labelled;

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColours);
  new ResizeObserver(resize).observe(stage);
  readColours();
  legend();
  resize();
})();
