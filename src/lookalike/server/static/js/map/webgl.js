// Points drawn by WebGL 2. What a point looks like is read from a texture by its category; which one lies under the pointer is read
// from a small framebuffer, in which its number is its colour.

/** @typedef {import("./points.js").Points} Points */
/** @typedef {{scale: number, x: number, y: number}} View pixels of the screen: x = view.x + scale * place, y = view.y - scale * place */
/** @typedef {{width: number, height: number, ratio: number, size: number, solid: number, marking: boolean, each?: number}} Frame Of points only each so many-th is drawn. */

const PICK = 13; // pixels a side that are looked at

const VERTEX = `#version 300 es
precision highp float;
precision highp int;
in vec2 place;
in uint category;
in uint flag;
uniform highp sampler2D looks;
uniform vec3 view; // scale, x, y
uniform vec2 room;
uniform float size;
uniform bool picking;
uniform bool marking;
out vec4 colour;
flat out int shape;
flat out float across;
void main() {
  ivec4 look = ivec4(texelFetch(looks, ivec2(int(category) & 255, int(category) >> 8), 0) * 255.0 + 0.5);
  bool faint = look.a >= 8 || (marking && flag == 0u);
  shape = look.a % 8;
  vec2 at = vec2(view.y + view.x * place.x, view.z - view.x * place.y) / room * 2.0 - 1.0;
  gl_Position = vec4(at.x, -at.y, 0.0, 1.0);
  across = (faint ? 0.7 : 1.0) * size * (shape > 1 ? 1.25 : 1.1);
  if (picking) {
    int number = gl_VertexID + 1;
    colour = vec4(float(number & 255), float((number >> 8) & 255), float((number >> 16) & 255), float((number >> 24) & 255)) / 255.0;
    across = max(across, 3.0);
    if (look.a >= 8) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  } else {
    colour = vec4(vec3(look.rgb) / 255.0, faint ? 0.16 : 1.0);
  }
  gl_PointSize = across + 1.0;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec4 colour;
flat in int shape;
flat in float across;
uniform bool picking;
uniform float solid;
out vec4 drawn;
void main() {
  vec2 at = (gl_PointCoord - 0.5) * (across + 1.0);
  float half_ = across / 2.0;
  float edge = shape == 0 ? length(at) - half_
    : shape == 1 ? max(abs(at.x), abs(at.y)) - half_ * 0.86
    : shape == 2 ? (abs(at.x) + abs(at.y)) - half_
    : max(at.y - half_ * 0.72, dot(vec2(abs(at.x), at.y), vec2(0.87, -0.49)) - half_ * 0.49);
  float cover = clamp(0.5 - edge, 0.0, 1.0);
  if (picking) {
    if (cover < 0.25) discard;
    drawn = colour;
    return;
  }
  if (cover <= 0.0) discard;
  float alpha = colour.a * cover * (colour.a < 1.0 ? 1.0 : solid);
  drawn = vec4(colour.rgb * alpha, alpha);
}`;

export class WebglPainter {
  /** @param {HTMLCanvasElement} canvas @param {Points} points @throws {Error} If there is no WebGL 2 here. */
  constructor(canvas, points) {
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, powerPreference: "low-power" });
    if (!gl) throw new Error("no WebGL 2");
    this.gl = gl;
    const told = gl.getExtension("WEBGL_debug_renderer_info");
    this.software = /swiftshader|llvmpipe|software|basic render/i.test(String(gl.getParameter(told ? told.UNMASKED_RENDERER_WEBGL : gl.RENDERER)));
    this.canvas = canvas;
    this.points = points;
    const program = this.program();
    gl.useProgram(program);
    this.at = Object.fromEntries(["looks", "view", "room", "size", "picking", "marking", "solid"].map((name) => [name, gl.getUniformLocation(program, name)]));
    const place = new Uint16Array(2 * points.count);
    for (let at = 0; at < points.count; at += 1) {
      place[2 * at] = points.x[at];
      place[2 * at + 1] = points.y[at];
    }
    const buffer = (/** @type {string} */ name, /** @type {ArrayBufferView<ArrayBuffer>} */ values, /** @type {number} */ use) => {
      const made = gl.createBuffer();
      const index = gl.getAttribLocation(program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, made);
      gl.bufferData(gl.ARRAY_BUFFER, values, use);
      gl.enableVertexAttribArray(index);
      return { made, index };
    };
    const places = buffer("place", place, gl.STATIC_DRAW);
    this.places = places.made;
    this.indices = [places.index];
    const categories = buffer("category", points.categories, gl.STATIC_DRAW);
    this.indices.push(categories.index);
    this.categories = categories.made;
    const flags = buffer("flag", points.flags, gl.DYNAMIC_DRAW);
    this.indices.push(flags.index);
    this.flags = flags.made;
    this.each = 0;
    this.take(1);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, 256, 256);
    gl.uniform1i(this.at.looks, 0);
    this.picked = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.picked);
    const shown = gl.createRenderbuffer();
    gl.bindRenderbuffer(gl.RENDERBUFFER, shown);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.RGBA8, PICK, PICK);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.RENDERBUFFER, shown);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.clearColor(0, 0, 0, 0);
  }

  get name() {
    return "webgl";
  }

  program() {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, text] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]])) {
      const shader = gl.createShader(kind);
      if (!shader) throw new Error("WebGL made no shader");
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "WebGL linked no program");
    return program;
  }

  /** Has each so many-th point drawn. @param {number} each */
  take(each) {
    const { gl } = this;
    if (each === this.each) return;
    this.each = each;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.places);
    gl.vertexAttribPointer(this.indices[0], 2, gl.UNSIGNED_SHORT, false, 4 * each, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.categories);
    gl.vertexAttribIPointer(this.indices[1], 1, gl.UNSIGNED_SHORT, 2 * each, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.flags);
    gl.vertexAttribIPointer(this.indices[2], 1, gl.UNSIGNED_BYTE, each, 0);
  }

  /** @param {Uint8Array} bytes */
  setLooks(bytes) {
    this.gl.texSubImage2D(this.gl.TEXTURE_2D, 0, 0, 0, 256, 256, this.gl.RGBA, this.gl.UNSIGNED_BYTE, bytes);
  }

  /** Categories or flags of the points have changed. */
  renew() {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.categories);
    gl.bufferData(gl.ARRAY_BUFFER, this.points.categories, gl.STATIC_DRAW);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.flags);
    gl.bufferData(gl.ARRAY_BUFFER, this.points.flags, gl.DYNAMIC_DRAW);
  }

  /** @param {View} view @param {Frame} frame @param {boolean} picking */
  set(view, frame, picking) {
    const { gl, at } = this;
    gl.uniform3f(at.view, view.scale * frame.ratio, view.x * frame.ratio, view.y * frame.ratio);
    gl.uniform2f(at.room, this.canvas.width, this.canvas.height);
    gl.uniform1f(at.size, frame.size * frame.ratio);
    gl.uniform1f(at.solid, frame.solid);
    gl.uniform1i(at.picking, picking ? 1 : 0);
    gl.uniform1i(at.marking, frame.marking ? 1 : 0);
  }

  /** @param {View} view @param {Frame} frame */
  draw(view, frame) {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    this.set(view, frame, false);
    this.take(frame.each ?? 1);
    gl.drawArrays(gl.POINTS, 0, Math.floor(this.points.count / this.each));
  }

  /** Which point is at a place of the screen, -1 if none. @param {number} x @param {number} y @param {View} view @param {Frame} frame */
  pick(x, y, view, frame) {
    const { gl } = this;
    const middle = (PICK - 1) / 2;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.picked);
    // The window on the whole drawing that the framebuffer is: points whose centres lie outside of it still reach in.
    gl.viewport(middle - Math.round(x * frame.ratio), middle - Math.round(this.canvas.height - y * frame.ratio), this.canvas.width, this.canvas.height);
    gl.disable(gl.BLEND);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.set(view, frame, true);
    this.take(1);
    gl.drawArrays(gl.POINTS, 0, this.points.count);
    const bytes = new Uint8Array(4 * PICK * PICK);
    gl.readPixels(0, 0, PICK, PICK, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    let found = -1;
    let nearest = Infinity;
    for (let at = 0; at < PICK * PICK; at += 1) {
      const number = (bytes[4 * at] | (bytes[4 * at + 1] << 8) | (bytes[4 * at + 2] << 16) | (bytes[4 * at + 3] << 24)) - 1;
      const far = ((at % PICK) - middle) ** 2 + (Math.floor(at / PICK) - middle) ** 2;
      if (number >= 0 && far < nearest) [found, nearest] = [number, far];
    }
    return found;
  }
}
