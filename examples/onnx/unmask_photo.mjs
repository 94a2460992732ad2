// Take masks off a photo by `unmask export pipeline -o BUNDLE`, in Node.
//
// node unmask_photo.mjs BUNDLE photo.ppm result.ppm   (needs onnxruntime-node; any decoder will do)
//
// A filled face is a guess, never evidence of who someone is: say so wherever the result is shown.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const ort = createRequire(import.meta.url)("onnxruntime-node");
const [bundle, source, target] = process.argv.slice(2);
const said = JSON.parse(readFileSync(join(bundle, "pipeline.json"), "utf8"));
const open = (part) => ort.InferenceSession.create(join(bundle, said[part].file));
const clip = (value, low, high) => Math.min(Math.max(value, low), high);

const file = readFileSync(source);
const [head, width, height] = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(file.toString("latin1", 0, 64));
const [W, H] = [Number(width), Number(height)];
const photo = new Uint8Array(file.subarray(head.length));

// A value between the pixels of a plane; past its edge the edge is repeated.
function between(plane, w, h, x, y, step = 1, channel = 0) {
  const at = (i, j) => plane[(clip(j, 0, h - 1) * w + clip(i, 0, w - 1)) * step + channel];
  const [i, j] = [Math.floor(x), Math.floor(y)];
  const [u, v] = [x - i, y - j];
  const above = at(i, j) * (1 - u) + at(i + 1, j) * u;
  return above * (1 - v) + (at(i, j + 1) * (1 - u) + at(i + 1, j + 1) * u) * v;
}

// Detect: the photo in the corner of a grey square.
const { image_size: size, padding, confidence } = said.detector;
const scale = size / Math.max(W, H);
const pixels = new Float32Array(3 * size * size).fill(padding / 255);
for (let y = 0; y < Math.round(H * scale); y++)
  for (let x = 0; x < Math.round(W * scale); x++)
    for (let c = 0; c < 3; c++) {
      const value = between(photo, W, H, (x + 0.5) / scale - 0.5, (y + 0.5) / scale - 0.5, 3, c);
      pixels[(c * size + y) * size + x] = value / 255;
    }
const detector = await open("detector");
const image = new ort.Tensor("float32", pixels, [1, 3, size, size]);
const { candidates, prototypes } = await detector.run({ image });
const [count, grid] = [candidates.dims[2], prototypes.dims[3]];
const value = (row, index) => candidates.data[row * count + index];
const found = [...Array(count).keys()].filter((index) => value(4, index) >= confidence);
found.sort((one, other) => value(4, other) - value(4, one));

const inpainter = await open("inpainter");
const side = said.inpainter.image_size;
const hole = new Uint8Array(W * H);
for (const index of found) {
  const [cx, cy, w, h] = [0, 1, 2, 3].map((row) => value(row, index) / scale);
  const [x0, x1] = [cx - w / 2, cx + w / 2].map((x) => Math.trunc(clip(x, 0, W)));
  const [y0, y1] = [cy - h / 2, cy + h / 2].map((y) => Math.trunc(clip(y, 0, H)));
  if (x1 <= x0 || y1 <= y0 || hole[((y0 + y1) >> 1) * W + ((x0 + x1) >> 1)]) continue;

  // Mask: prototypes weighed by the candidate's coefficients, above 0 in the box; grown to a hole.
  const logits = new Float32Array(grid * grid);
  for (let k = 0; k < prototypes.dims[1]; k++)
    for (let i = 0; i < grid * grid; i++)
      logits[i] += value(5 + k, index) * prototypes.data[k * grid * grid + i];
  const extent = Math.max(x1 - x0, y1 - y0);
  const reach = Math.max(1, Math.round(said.hole.growth * extent));
  const own = new Uint8Array(W * H);
  for (let y = y0; y < y1; y++)
    for (let x = x0; x < x1; x++) {
      const [gx, gy] = [x, y].map((one) => ((one + 0.5) * scale * grid) / size - 0.5);
      if (between(logits, grid, grid, gx, gy) <= 0) continue;
      for (let j = Math.max(0, y - reach); j <= Math.min(H - 1, y + reach); j++)
        own.fill(1, j * W + Math.max(0, x - reach), j * W + Math.min(W, x + reach + 1));
    }

  // Crop: a square round the hole, moved up; fill it.
  const long = Math.round(said.crop.context * extent);
  const left = Math.floor((x0 + x1 - long) / 2);
  const top = Math.floor((y0 + y1 - long) / 2) - Math.round(said.crop.lift * long);
  const [crop, missing] = [new Uint8Array(side * side * 3), new Uint8Array(side * side)];
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const [px, py] = [left + ((x + 0.5) * long) / side - 0.5, top + ((y + 0.5) * long) / side - 0.5];
      missing[y * side + x] = between(own, W, H, px, py) > 0 ? 255 : 0;
      for (let c = 0; c < 3; c++)
        crop[(y * side + x) * 3 + c] = Math.round(between(photo, W, H, px, py, 3, c));
    }
  const { completed } = await inpainter.run({
    image: new ort.Tensor("uint8", crop, [1, side, side, 3]),
    hole: new ort.Tensor("uint8", missing, [1, side, side]),
  });

  // Put the fill in the place of the hole's pixels; all others stay as they are.
  for (let i = 0; i < W * H; i++) {
    if (!own[i]) continue;
    const fx = (((i % W) - left + 0.5) * side) / long - 0.5;
    const fy = ((Math.floor(i / W) - top + 0.5) * side) / long - 0.5;
    for (let c = 0; c < 3; c++)
      photo[i * 3 + c] = Math.round(between(completed.data, side, side, fx, fy, 3, c));
    hole[i] = 1;
  }
}
writeFileSync(target, Buffer.concat([Buffer.from(head, "latin1"), photo]));
console.log(`${hole.reduce((sum, one) => sum + one, 0)} pixels filled`);
