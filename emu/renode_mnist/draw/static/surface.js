// The drawing area: strokes by pointer and keyboard, a picture beneath them, and all of it undone step by step.
//
// Places are shares of the side, from 0 to 1, so that the drawing survives a change of size. The history holds
// strokes, pictures, whole drawings and clearings; all but a stroke hide what came before them.

import { SIDE, inked } from "./pixels.js";

const UPLOAD_SIDE = 10 * SIDE;
const STEP = 1 / SIDE; // of the keyboard's pen
const NEAR = 0.002; // a point closer than this to the one before adds nothing

const STEPS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

const within = (value) => Math.min(1, Math.max(0, value));

/** Fires `change` while one draws and `settle` when a stroke is done, taken back, cleared or a picture was put. */
export class Surface extends EventTarget {
  #canvas;
  #history = [];
  #stroke = null; // under way; the last of the history
  #pointer = null; // that draws it; null where the keyboard does
  #pen = { x: 0.5, y: 0.5 };
  #penShown = false;
  #width = 0.085;
  #frame = 0;

  constructor(canvas) {
    super();
    this.#canvas = canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("lostpointercapture", (event) => this.#up(event));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("keyup", (event) => event.key === "Shift" && this.#penUp());
    canvas.addEventListener("focus", () => this.#showPen(canvas.matches(":focus-visible")));
    canvas.addEventListener("blur", () => {
      this.#penUp();
      this.#showPen(false);
    });
    new ResizeObserver(() => this.#fit()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#redraw());
  }

  /** Of strokes to come, as a share of the side. */
  set strokeWidth(share) {
    this.#width = share;
  }

  get isEmpty() {
    return this.#visible().length === 0;
  }

  get canUndo() {
    return this.#history.length > 0;
  }

  get isDrawing() {
    return this.#stroke !== null;
  }

  undo() {
    this.#stroke = null;
    this.#history.pop();
    this.#settled();
  }

  clear() {
    if (this.isEmpty) return;
    this.#stroke = null;
    this.#history.push({ kind: "clear" });
    this.#settled();
  }

  /** Puts a picture in place of what there is: its file, and what the network sees of it. */
  put(file, pixels) {
    this.#stroke = null;
    this.#history.push({ kind: "picture", file, pixels });
    this.#settled();
  }

  /** What is drawn, for `restore`. */
  get kept() {
    return this.#visible();
  }

  /** Puts what was kept in place of what there is. */
  restore(items) {
    this.#stroke = null;
    this.#history.push({ kind: "drawing", items });
    this.#settled();
  }

  /** What to classify, as a picture file: the imported one itself as long as nothing was drawn onto it. */
  async picture() {
    const items = this.#visible();
    if (items.length === 1 && items[0].kind === "picture") return items[0].file;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = UPLOAD_SIDE;
    const context = canvas.getContext("2d");
    context.fillRect(0, 0, UPLOAD_SIDE, UPLOAD_SIDE);
    paintItems(context, UPLOAD_SIDE, "#fff", items);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  #visible() {
    const hiding = this.#history.findLastIndex((item) => item.kind !== "stroke");
    const hides = this.#history[hiding];
    const beneath = { picture: [hides], drawing: hides?.items }[hides?.kind] ?? [];
    return [...beneath, ...this.#history.slice(hiding + 1)];
  }

  // Pointer

  #down(event) {
    if (!event.isPrimary || event.button !== 0 || this.#pointer !== null) return;
    this.#penUp();
    this.#showPen(false);
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#begin(this.#place(event));
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const each of all.length > 0 ? all : [event]) this.#extend(this.#place(each));
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.#end();
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    // A pen's pressure goes from 0 to 1 with 0.5 as usual; mouse and finger have no say in the width.
    const pressure = event.pointerType === "pen" && event.pressure > 0 ? 0.5 + event.pressure : 1;
    return {
      x: within((event.clientX - box.left) / box.width),
      y: within((event.clientY - box.top) / box.height),
      width: this.#width * pressure,
    };
  }

  // Keyboard

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in STEPS) {
      if (event.shiftKey && !this.isDrawing) this.#begin({ ...this.#pen, width: this.#width });
      const [x, y] = STEPS[event.key];
      this.#pen = { x: within(this.#pen.x + x), y: within(this.#pen.y + y) };
      if (this.isDrawing) this.#extend({ ...this.#pen, width: this.#width });
    } else if (event.key === " ") {
      if (event.repeat) return event.preventDefault();
      if (this.isDrawing) this.#penUp();
      else this.#begin({ ...this.#pen, width: this.#width });
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.clear();
    } else {
      return;
    }
    event.preventDefault();
    this.#showPen(true);
  }

  #penUp() {
    if (this.isDrawing && this.#pointer === null) this.#end();
  }

  #showPen(shown) {
    this.#penShown = shown;
    this.#redraw();
  }

  // Strokes

  #begin(point) {
    this.#stroke = { kind: "stroke", points: [point] };
    this.#history.push(this.#stroke);
    this.#changed();
  }

  #extend(point) {
    if (this.#stroke === null) return; // taken back or cleared while the pointer is still down
    const last = this.#stroke.points.at(-1);
    if (Math.hypot(point.x - last.x, point.y - last.y) < NEAR) return;
    this.#stroke.points.push(point);
    this.#changed();
  }

  #end() {
    if (this.#stroke === null) return;
    this.#stroke = null;
    this.#settled();
  }

  #changed() {
    this.#redraw();
    this.dispatchEvent(new Event("change"));
  }

  #settled() {
    this.#redraw();
    this.dispatchEvent(new Event("settle"));
  }

  // Picture

  #fit() {
    const side = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    if (side > 0 && side !== this.#canvas.width) this.#canvas.width = this.#canvas.height = side;
    this.#paint();
  }

  #redraw() {
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const context = this.#canvas.getContext("2d");
    const side = this.#canvas.width;
    const style = getComputedStyle(this.#canvas);
    context.clearRect(0, 0, side, side);
    paintItems(context, side, style.color, this.#visible());
    if (!this.#penShown) return;
    context.beginPath();
    context.arc(this.#pen.x * side, this.#pen.y * side, (this.#width * side) / 2, 0, 2 * Math.PI);
    context.lineWidth = 2 * devicePixelRatio;
    context.strokeStyle = style.getPropertyValue("--accent");
    context.stroke();
    if (!this.isDrawing) return;
    context.fillStyle = context.strokeStyle;
    context.fill();
  }
}

function paintItems(context, side, ink, items) {
  context.fillStyle = context.strokeStyle = ink;
  context.lineCap = "round";
  for (const item of items) {
    if (item.kind === "picture") context.drawImage(inked(item.pixels, ink), 0, 0, side, side);
    else paintStroke(context, side, item.points);
  }
}

/** Curves from the middle of each pair of points to the next, bent towards the point between them. */
function paintStroke(context, side, points) {
  dot(context, side, points[0]);
  dot(context, side, points.at(-1));
  for (let i = 1; i < points.length; i += 1) {
    const [before, from, to] = [points[i - 2] ?? points[i - 1], points[i - 1], points[i]];
    context.beginPath();
    context.lineWidth = from.width * side;
    context.moveTo(((before.x + from.x) / 2) * side, ((before.y + from.y) / 2) * side);
    context.quadraticCurveTo(from.x * side, from.y * side, ((from.x + to.x) / 2) * side, ((from.y + to.y) / 2) * side);
    if (i === points.length - 1) context.lineTo(to.x * side, to.y * side);
    context.stroke();
  }
}

function dot(context, side, point) {
  context.beginPath();
  context.arc(point.x * side, point.y * side, (point.width * side) / 2, 0, 2 * Math.PI);
  context.fill();
}
