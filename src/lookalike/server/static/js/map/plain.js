// The same points on a plain canvas, where there is no WebGL 2: slower, and the same to look at and to ask.

/** @typedef {import("./points.js").Points} Points */
/** @typedef {import("./webgl.js").View} View */
/** @typedef {import("./webgl.js").Frame} Frame */

const REACH = 6; // pixels
const TINY = 5; // pixels of the canvas: shapes are not to be told below, and squares are written at once

export class PlainPainter {
  /** @param {HTMLCanvasElement} canvas @param {Points} points */
  constructor(canvas, points) {
    const context = canvas.getContext("2d", { willReadFrequently: true }); // it is written pixel by pixel
    if (!context) throw new Error("This browser draws neither by WebGL nor on a canvas");
    this.context = context;
    this.canvas = canvas;
    this.points = points;
    /** @type {ImageData | null} */ this.image = null;
    /** @type {Uint8Array} */ this.looks = new Uint8Array(4 * 65536);
    this.renew();
  }

  get name() {
    return "canvas";
  }

  /** @param {Uint8Array} bytes */
  setLooks(bytes) {
    this.looks = bytes;
  }

  /** Puts the points in the order of their categories: a canvas is slow at changing colours. */
  renew() {
    const { categories } = this.points;
    this.order = Uint32Array.from(categories.keys()).sort((a, b) => categories[b] - categories[a] || a - b);
  }

  /** @param {View} view @param {Frame} frame */
  draw(view, frame) {
    const { context, canvas, points, looks } = this;
    const scale = view.scale * frame.ratio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    if (frame.size * frame.ratio < TINY) {
      this.write(view, frame);
      return;
    }
    context.clearRect(0, 0, canvas.width, canvas.height);
    let now = -1;
    let shape = 0;
    let across = 0;
    for (const at of this.order ?? []) {
      const x = view.x * frame.ratio + scale * points.x[at];
      const y = view.y * frame.ratio - scale * points.y[at];
      if (x < -30 || y < -30 || x > canvas.width + 30 || y > canvas.height + 30) continue;
      const category = points.categories[at];
      const dim = frame.marking && !points.flags[at];
      const look = category * 2 + (dim ? 1 : 0);
      if (look !== now) {
        now = look;
        const [red, green, blue, kind] = looks.subarray(4 * category, 4 * category + 4);
        const faint = dim || kind >= 8;
        shape = kind % 8;
        across = (faint ? 0.7 : 1) * frame.size * frame.ratio;
        context.fillStyle = `rgb(${red} ${green} ${blue} / ${faint ? 0.16 : frame.solid})`;
      }
      this.put(x, y, shape, across);
    }
  }

  /** Writes small squares straight into the pixels, the faint ones first. @param {View} view @param {Frame} frame */
  write(view, frame) {
    const { context, canvas, points, looks } = this;
    const { width, height } = canvas;
    if (this.image?.width !== width || this.image.height !== height) this.image = context.createImageData(width, height);
    const pixels = new Uint32Array(this.image.data.buffer);
    pixels.fill(0);
    const scale = view.scale * frame.ratio;
    const [left, top] = [view.x * frame.ratio, view.y * frame.ratio];
    const solid = Math.round(255 * frame.solid);
    for (const faint of [true, false]) {
      const side = Math.max(Math.round((faint ? 0.7 : 1) * frame.size * frame.ratio), 1);
      for (let at = 0; at < points.count; at += frame.each ?? 1) {
        const look = 4 * points.categories[at];
        if ((looks[look + 3] >= 8 || (frame.marking && !points.flags[at])) !== faint) continue;
        const x = Math.round(left + scale * points.x[at] - side / 2);
        const y = Math.round(top - scale * points.y[at] - side / 2);
        if (x < 0 || y < 0 || x + side > width || y + side > height) continue;
        const colour = ((faint ? 41 : solid) << 24) | (looks[look + 2] << 16) | (looks[look + 1] << 8) | looks[look];
        for (let row = y; row < y + side; row += 1) pixels.fill(colour, row * width + x, row * width + x + side);
      }
    }
    context.putImageData(this.image, 0, 0);
  }

  /** @param {number} x @param {number} y @param {number} shape @param {number} across */
  put(x, y, shape, across) {
    const { context } = this;
    const half = across / 2;
    if (shape === 1 || across < 5) {
      context.fillRect(x - half, y - half, across, across);
      return;
    }
    context.beginPath();
    if (shape === 0) context.arc(x, y, half * 1.1, 0, 2 * Math.PI);
    else if (shape === 2) for (const [dx, dy] of [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]]) context.lineTo(x + dx * half, y + dy * half);
    else for (const [dx, dy] of [[0, -1.25], [1.2, 0.9], [-1.2, 0.9]]) context.lineTo(x + dx * half, y + dy * half);
    context.fill();
  }

  /** Which point is at a place of the screen, -1 if none. @param {number} x @param {number} y @param {View} view @param {Frame} frame */
  pick(x, y, view, frame) {
    const { points, looks } = this;
    let found = -1;
    let nearest = Math.max(REACH, frame.size / 2 + 2) ** 2;
    for (let at = 0; at < points.count; at += 1) {
      const far = (view.x + view.scale * points.x[at] - x) ** 2 + (view.y - view.scale * points.y[at] - y) ** 2;
      if (far < nearest && looks[4 * points.categories[at] + 3] < 8) [found, nearest] = [at, far];
    }
    return found;
  }
}

