// The holes to fill: detected ones, each on or off, and brush strokes over them.
//
// Everything is in pixels of the picture; it can be drawn at any scale. Strokes are stored as
// lines, not pixels, so that undo and switching a hole off do not affect the others.

const NEAR = 0.25; // largest gap of paint to its hole, relative to the larger extent
const MOST_MASKS = 16; // that the server accepts per picture

export class HoleDrawing {
  // width, height: of the picture. holes: [{outlines: [[[x, y], ...], ...], box}].
  constructor(width, height, holes) {
    this.width = width;
    this.height = height;
    this.holes = holes.map((hole) => ({ ...hole, middle: middleOf(hole), on: true }));
    this.strokes = [];
  }

  // Copy switches and strokes from a drawing of the same photo.
  adopt(other) {
    const off = other.holes.filter((hole) => !hole.on).map((hole) => String(hole.box));
    for (const hole of this.holes) hole.on = !off.includes(String(hole.box));
    this.strokes = other.strokes;
  }

  // Whether it equals the detections.
  get untouched() {
    return this.strokes.length === 0 && this.holes.every((hole) => hole.on);
  }

  // Whether there may be anything to fill.
  get fills() {
    return this.holes.some((hole) => hole.on) || this.strokes.some((stroke) => stroke.adds);
  }

  // The index of the smallest hole round a point; -1 if there is none.
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

  // The holes to fill, by face: each hole that is on, with the paint next to it, and paint
  // next to none. [{box, holes, strokes}].
  faces() {
    const faces = this.holes
      .filter((hole) => hole.on)
      .map((hole) => ({ box: hole.box, holes: [hole], strokes: [] }));
    for (const stroke of this.strokes.filter((one) => one.adds)) {
      faces.push({ box: strokeBox(stroke), holes: [], strokes: [stroke] });
    }
    for (;;) {
      let nearest = null;
      faces.forEach((one, first) => {
        faces.slice(first + 1).forEach((other, further) => {
          if (one.holes.length && other.holes.length) return;
          const gap = gapBetween(one.box, other.box);
          if (gap <= NEAR && gap < (nearest?.gap ?? Infinity)) {
            nearest = { gap, first, second: first + 1 + further };
          }
        });
      });
      if (!nearest) return faces;
      const [joined] = faces.splice(nearest.second, 1);
      const face = faces[nearest.first];
      face.box = around(face.box, joined.box);
      face.holes.push(...joined.holes);
      face.strokes.push(...joined.strokes);
    }
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

  // Draw the holes to fill, or those of one face, in the context's fill and stroke colour; `scale`
  // is canvas pixels per picture pixel. The canvas must be empty before.
  draw(context, scale, face = { holes: this.holes, strokes: this.strokes }) {
    context.save();
    context.setTransform(scale, 0, 0, scale, 0, 0);
    for (const hole of face.holes) {
      if (hole.on) {
        tracePath(context, hole.outlines);
        context.fill("evenodd");
      }
    }
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const stroke of this.strokes) {
      if (stroke.adds && !face.strokes.includes(stroke)) continue;
      context.globalCompositeOperation = stroke.adds ? "source-over" : "destination-out";
      context.lineWidth = stroke.diameter;
      context.beginPath();
      const [first, ...rest] = stroke.points;
      context.moveTo(first[0], first[1]);
      // A line of zero length has round ends too, so a click makes a dot.
      if (rest.length === 0) context.lineTo(first[0], first[1]);
      for (const point of rest) context.lineTo(point[0], point[1]);
      context.stroke();
    }
    context.restore();
  }

  // The masks for the server, one for each face; all in one if there are too many.
  async toPngs() {
    const faces = this.faces();
    if (faces.length === 0 || faces.length > MOST_MASKS) return [await this.toPng()];
    const pngs = [];
    for (const face of faces) pngs.push(await this.toPng(face));
    return pngs;
  }

  // A mask: a PNG of the picture's size, white inside the holes and transparent elsewhere.
  async toPng(face) {
    const canvas = document.createElement("canvas");
    canvas.width = this.width;
    canvas.height = this.height;
    const context = canvas.getContext("2d");
    if (context) {
      context.fillStyle = context.strokeStyle = "#fff";
      this.draw(context, 1, face);
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

// The smallest box x0, y0, x1, y1 round two.
function around(one, other) {
  return [0, 1, 2, 3].map((side) => Math[side < 2 ? "min" : "max"](one[side], other[side]));
}

// Distance of two boxes relative to their longest side; 0 or less if they touch.
function gapBetween(one, other) {
  const sides = [one, other].flatMap(([x0, y0, x1, y1]) => [x1 - x0, y1 - y0]);
  const apart = [0, 1].map((axis) =>
    Math.max(one[axis] - other[axis + 2], other[axis] - one[axis + 2]),
  );
  return Math.max(...apart) / Math.max(1, ...sides);
}

function strokeBox({ points, diameter }) {
  const radius = diameter / 2;
  return points.map(([x, y]) => [x - radius, y - radius, x + radius, y + radius]).reduce(around);
}

// A point well inside polygons: the middle of their longest run across the middle of their box.
function middleOf({ outlines, box: [x0, y0, x1, y1] }) {
  let middle = [(x0 + x1) / 2, (y0 + y1) / 2];
  let longest = 0;
  for (const share of [0.5, 0.4, 0.6, 0.3, 0.7]) {
    const y = Math.floor(y0 + share * (y1 - y0)) + 0.5;
    const crossings = outlines.flatMap((outline) => crossingsOf(outline, y)).sort((a, b) => a - b);
    for (let index = 0; index + 1 < crossings.length; index += 2) {
      const length = crossings[index + 1] - crossings[index];
      if (length > longest) {
        longest = length;
        middle = [crossings[index] + length / 2, y];
      }
    }
    if (longest > (x1 - x0) / 3) break;
  }
  return middle;
}

// Where a closed polygon crosses a horizontal line.
function crossingsOf(outline, y) {
  return outline.flatMap(([x1, y1], index) => {
    const [x0, y0] = outline.at(index - 1);
    return y0 > y === y1 > y ? [] : [x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)];
  });
}

// Whether a point is in the polygons, by the even-odd rule.
export function inside(outlines, x, y) {
  const right = outlines.flatMap((outline) => crossingsOf(outline, y)).filter((one) => one > x);
  return right.length % 2 === 1;
}
