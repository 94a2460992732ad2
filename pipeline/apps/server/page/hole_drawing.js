// What is to be filled: holes that were found, each on or off, and brush strokes over them.
//
// Everything is in pixels of the picture; it can be drawn at any scale. Strokes are kept as lines,
// not as pixels, so that undo and switching a hole off leave the others as they are.

export class HoleDrawing {
  // width, height: of the picture. holes: [{outlines: [[[x, y], ...], ...], box, sure}].
  constructor(width, height, holes) {
    this.width = width;
    this.height = height;
    this.holes = holes.map((hole) => ({ ...hole, on: true }));
    this.strokes = [];
  }

  // Whether it is exactly what the detector found.
  get untouched() {
    return this.strokes.length === 0 && this.holes.every((hole) => hole.on);
  }

  // Whether there may be anything to fill.
  get fills() {
    return this.holes.some((hole) => hole.on) || this.strokes.some((stroke) => stroke.adds);
  }

  // The smallest hole round a point, as its number; -1 where there is none.
  holeAt(x, y) {
    let best = -1;
    let smallest = Infinity;
    this.holes.forEach((hole, index) => {
      const [x0, y0, x1, y1] = hole.box;
      const area = (x1 - x0) * (y1 - y0);
      if (area < smallest && inside(hole.outlines, x, y)) {
        best = index;
        smallest = area;
      }
    });
    return best;
  }

  // The middle of the largest hole that is on, else of the last stroke, else of the picture.
  get focus() {
    let focus = [this.width / 2, this.height / 2];
    let largest = 0;
    const stroke = this.strokes.findLast((one) => one.adds);
    if (stroke) focus = stroke.points[stroke.points.length >> 1];
    for (const { on, box: [x0, y0, x1, y1] } of this.holes) {
      const area = (x1 - x0) * (y1 - y0);
      if (on && area > largest) {
        largest = area;
        focus = [(x0 + x1) / 2, (y0 + y1) / 2];
      }
    }
    return focus;
  }

  toggle(index) {
    const hole = this.holes[index];
    if (hole) hole.on = !hole.on;
    return hole !== undefined;
  }

  beginStroke(x, y, diameter, adds) {
    this.strokes.push({ adds, diameter, points: [[x, y]] });
  }

  continueStroke(x, y) {
    this.strokes.at(-1).points.push([x, y]);
  }

  undo() {
    return this.strokes.pop() !== undefined;
  }

  clearStrokes() {
    this.strokes = [];
  }

  // Draw what is to be filled in the context's fill and stroke colour; `scale` is canvas pixels
  // for each picture pixel. The canvas must be empty before.
  draw(context, scale) {
    context.save();
    context.setTransform(scale, 0, 0, scale, 0, 0);
    for (const hole of this.holes) {
      if (hole.on) {
        tracePath(context, hole.outlines);
        context.fill("evenodd");
      }
    }
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const stroke of this.strokes) {
      context.globalCompositeOperation = stroke.adds ? "source-over" : "destination-out";
      context.lineWidth = stroke.diameter;
      context.beginPath();
      const [first, ...rest] = stroke.points;
      context.moveTo(first[0], first[1]);
      // A line of no length gets its round ends too, so a click makes a dot.
      if (rest.length === 0) context.lineTo(first[0], first[1]);
      for (const point of rest) context.lineTo(point[0], point[1]);
      context.stroke();
    }
    context.restore();
  }

  // The mask for the server: a PNG of the picture's size, white where it is to be filled and
  // transparent elsewhere.
  async toPng() {
    const canvas = document.createElement("canvas");
    canvas.width = this.width;
    canvas.height = this.height;
    const context = canvas.getContext("2d");
    if (context) {
      context.fillStyle = context.strokeStyle = "#fff";
      this.draw(context, 1);
    }
    const png = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    if (!png) throw new Error("This browser cannot draw a mask as large as the photo.");
    return png;
  }
}

// Add closed polygons to a canvas context's path.
export function tracePath(context, outlines) {
  context.beginPath();
  for (const outline of outlines) {
    outline.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
  }
}

// Whether a point is in the polygons, by the even-odd rule.
export function inside(outlines, x, y) {
  let odd = false;
  for (const outline of outlines) {
    for (let index = 0, last = outline.length - 1; index < outline.length; last = index, index += 1) {
      const [x0, y0] = outline[last];
      const [x1, y1] = outline[index];
      if (y0 > y !== y1 > y && x < x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)) odd = !odd;
    }
  }
  return odd;
}
