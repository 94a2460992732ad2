// The photo with the holes, which can be switched and painted.

import { tracePath } from "./hole_drawing.js";

const TINT = "#d6007a";
const EDGE_INNER = "#ffffff";
const EDGE_OUTER = "#3d0024";
const MOST_PIXELS = 6e6; // of the canvas: phones refuse large ones, and three are needed

export class Editor extends EventTarget {
  // Sends "change" whenever the holes have changed.
  constructor(stage, canvas) {
    super();
    this.stage = stage;
    this.canvas = canvas;
    this.layer = document.createElement("canvas");
    this.edge = document.createElement("canvas");
    this.drawing = null;
    this.tool = "choose";
    this.share = 0.08;
    this.pointer = null;
    this.highlighted = -1;
    this.stroking = false;
    this.waiting = false;
    new ResizeObserver(() => this.resize()).observe(canvas);
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", () => this.release());
    canvas.addEventListener("pointercancel", () => this.cancelStroke());
    canvas.addEventListener("pointerleave", () => this.leave());
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => this.leave());
  }

  show(drawing) {
    this.drawing = drawing;
    this.pointer = null;
    this.highlighted = -1;
    this.stroking = false;
    this.resize();
  }

  setTool(tool) {
    this.cancelStroke();
    this.tool = tool;
    this.stage.classList.toggle("painting", tool !== "choose");
    this.redraw();
  }

  // value: 1 to 100. The brush grows with its square, so that equal steps look equal.
  setSize(value) {
    this.share = 0.004 + 0.35 * (value / 100) ** 2;
    this.redraw();
  }

  highlight(index) {
    this.highlighted = index;
    this.redraw();
  }

  // Cancel the current stroke; returns whether there was one.
  cancelStroke() {
    if (!this.stroking) return false;
    this.stroking = false;
    this.drawing.undo();
    this.changed();
    return true;
  }

  changed() {
    this.redraw();
    this.dispatchEvent(new Event("change"));
  }

  // Brush diameter in pixels of the picture.
  get diameter() {
    return Math.max(1, this.share * Math.min(this.drawing.width, this.drawing.height));
  }

  position(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * this.drawing.width,
      ((event.clientY - box.top) / box.height) * this.drawing.height,
    ];
  }

  press(event) {
    if (!this.drawing || event.button !== 0 || !event.isPrimary) return;
    this.pointer = this.position(event);
    if (this.tool === "choose") {
      this.switchAt(this.pointer);
      return;
    }
    this.canvas.setPointerCapture(event.pointerId);
    this.stroking = true;
    this.drawing.beginStroke(...this.pointer, this.diameter, this.tool === "add");
    this.redraw();
  }

  move(event) {
    if (!this.drawing) return;
    if (!event.isPrimary) {
      // A second finger zooms the page; what the first one painted meanwhile was unintended.
      this.cancelStroke();
      return;
    }
    this.pointer = this.position(event);
    if (this.stroking) {
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const one of passed.length ? passed : [event]) {
        this.drawing.continueStroke(...this.position(one));
      }
    } else if (this.tool === "choose") {
      this.highlighted = this.drawing.holeAt(...this.pointer);
    }
    this.redraw();
  }

  release() {
    if (!this.stroking) return;
    this.stroking = false;
    this.changed();
  }

  leave() {
    if (this.stroking) return;
    this.pointer = null;
    this.highlighted = -1;
    this.redraw();
  }

  switchAt(point) {
    const index = this.drawing.holeAt(...point);
    if (index >= 0) {
      this.drawing.toggle(index);
      this.changed();
    }
  }

  key(event) {
    if (!this.drawing || event.ctrlKey || event.metaKey || event.altKey) return;
    const { width, height } = this.drawing;
    const step = event.shiftKey ? 0.002 * Math.min(width, height) : Math.max(1, this.diameter / 2);
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in moves) {
      const [x, y] = this.pointer ?? [width / 2, height / 2];
      const [right, down] = moves[event.key];
      this.pointer = [
        Math.min(width, Math.max(0, x + right * step)),
        Math.min(height, Math.max(0, y + down * step)),
      ];
      this.highlighted = this.tool === "choose" ? this.drawing.holeAt(...this.pointer) : -1;
      this.redraw();
    } else if (event.key === " " || event.key === "Enter") {
      this.pointer ??= [width / 2, height / 2];
      if (this.tool === "choose") this.switchAt(this.pointer);
      else {
        this.drawing.beginStroke(...this.pointer, this.diameter, this.tool === "add");
        this.changed();
      }
    } else return;
    event.preventDefault();
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    const area = Math.max(1, box.width * box.height);
    const density = Math.min(window.devicePixelRatio || 1, 2, Math.sqrt(MOST_PIXELS / area));
    const width = Math.max(1, Math.round(box.width * density));
    const height = Math.max(1, Math.round(box.height * density));
    for (const canvas of [this.canvas, this.layer, this.edge]) {
      canvas.width = width;
      canvas.height = height;
    }
    this.redraw();
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      if (this.drawing) this.paint();
    });
  }

  paint() {
    const { canvas, layer, drawing } = this;
    const context = canvas.getContext("2d");
    const scale = canvas.width / drawing.width;
    const unit = Math.max(1, canvas.width / Math.max(1, canvas.clientWidth));
    context.clearRect(0, 0, canvas.width, canvas.height);
    const inner = layer.getContext("2d");
    inner.clearRect(0, 0, layer.width, layer.height);
    inner.fillStyle = inner.strokeStyle = TINT;
    drawing.draw(inner, scale);
    context.globalAlpha = 0.42;
    context.drawImage(layer, 0, 0);
    context.globalAlpha = 1;
    this.paintEdge(context, 2.6 * unit, EDGE_OUTER);
    this.paintEdge(context, 1.4 * unit, EDGE_INNER);
    drawing.holes.forEach((hole, index) => this.paintHole(context, hole, index, scale, unit));
    if (this.pointer && this.tool !== "choose") {
      this.paintBrush(context, scale, unit);
    } else if (this.pointer && document.activeElement === canvas) {
      this.paintCross(context, scale, unit);
    }
  }

  // The outline of the holes: the layer, drawn with shifts in a ring, minus itself.
  paintEdge(context, breadth, colour) {
    const edge = this.edge.getContext("2d");
    edge.globalCompositeOperation = "source-over";
    edge.clearRect(0, 0, this.edge.width, this.edge.height);
    for (let turn = 0; turn < 12; turn += 1) {
      const angle = (turn * Math.PI) / 6;
      edge.drawImage(this.layer, breadth * Math.cos(angle), breadth * Math.sin(angle));
    }
    edge.globalCompositeOperation = "destination-out";
    edge.drawImage(this.layer, 0, 0);
    edge.globalCompositeOperation = "source-in";
    edge.fillStyle = colour;
    edge.fillRect(0, 0, this.edge.width, this.edge.height);
    context.drawImage(this.edge, 0, 0);
  }

  paintHole(context, hole, index, scale, unit) {
    if (!hole.on || index === this.highlighted) {
      context.save();
      context.scale(scale, scale);
      tracePath(context, hole.outlines);
      context.restore();
      context.lineWidth = (index === this.highlighted ? 3.5 : 2) * unit;
      context.setLineDash(hole.on ? [] : [6 * unit, 5 * unit]);
      context.strokeStyle = EDGE_OUTER;
      context.stroke();
      context.lineWidth /= 2;
      context.strokeStyle = hole.on ? EDGE_INNER : "#ffd34d";
      context.stroke();
      context.setLineDash([]);
    }
    // On the hole, and just large enough to show a small one round it.
    const [x, y] = hole.middle.map((one) => one * scale);
    const extent = Math.min(hole.box[2] - hole.box[0], hole.box[3] - hole.box[1]) * scale;
    const radius = Math.max(6.5 * unit, Math.min(11 * unit, extent / 4));
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = hole.on ? TINT : "#55505c";
    context.fill();
    context.lineWidth = 1.5 * unit;
    context.strokeStyle = "#fff";
    context.stroke();
    context.fillStyle = "#fff";
    context.font = `600 ${1.15 * radius}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(String(index + 1), x, y + 0.5 * unit);
  }

  paintBrush(context, scale, unit) {
    const [x, y] = this.pointer;
    context.beginPath();
    context.arc(x * scale, y * scale, (this.diameter * scale) / 2, 0, 2 * Math.PI);
    context.lineWidth = 3 * unit;
    context.strokeStyle = "rgb(0 0 0 / 70%)";
    context.stroke();
    context.lineWidth = 1.5 * unit;
    context.strokeStyle = this.tool === "add" ? "#ff6fbf" : "#ffffff";
    context.stroke();
  }

  paintCross(context, scale, unit) {
    const [x, y] = this.pointer;
    for (const [breadth, colour] of [[4, "rgb(0 0 0 / 70%)"], [2, "#fff"]]) {
      context.beginPath();
      context.moveTo(x * scale - 9 * unit, y * scale);
      context.lineTo(x * scale + 9 * unit, y * scale);
      context.moveTo(x * scale, y * scale - 9 * unit);
      context.lineTo(x * scale, y * scale + 9 * unit);
      context.lineWidth = breadth * unit;
      context.strokeStyle = colour;
      context.stroke();
    }
  }
}
