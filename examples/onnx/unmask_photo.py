"""Take masks off a photo with the output of `unmask export pipeline -o BUNDLE`, without PyTorch.

python unmask_photo.py BUNDLE photo.jpg result.png   (needs numpy, pillow and onnxruntime)

A filled face is a guess, never evidence of who someone is: say so wherever the result is shown.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageFilter

bundle, source, target = map(Path, sys.argv[1:])
said = json.loads((bundle / "pipeline.json").read_text(encoding="utf-8"))
detector, inpainter = (
    onnxruntime.InferenceSession(bundle / said[name]["file"], providers=["CPUExecutionProvider"])
    for name in ("detector", "inpainter")
)
photo = Image.open(source).convert("RGB")
width, height = photo.size

# Detect: the photo in the corner of a grey square; boxes by falling score, without overlaps.
size, side = said["detector"]["image_size"], said["inpainter"]["image_size"]
scale = size / max(width, height)
square = Image.new("RGB", (size, size), (said["detector"]["padding"],) * 3)
square.paste(photo.resize((round(width * scale), round(height * scale)), Image.Resampling.BILINEAR))
pixels = np.asarray(square, np.float32).transpose(2, 0, 1)[None] / 255
candidates, prototypes = detector.run(["candidates", "prototypes"], {"image": pixels})
rows = candidates[0].T[candidates[0][4] >= said["detector"]["confidence"]]
hole = np.zeros((height, width), bool)
for row in rows[np.argsort(-rows[:, 4])]:
    box = np.concatenate([row[:2] - row[2:4] / 2, row[:2] + row[2:4] / 2]) / scale
    x0, y0, x1, y1 = np.clip(box, 0, [width, height, width, height]).astype(int)
    if x1 <= x0 or y1 <= y0 or hole[(y0 + y1) // 2, (x0 + x1) // 2]:
        continue

    # Mask: prototypes weighted by the row's coefficients, above 0 in the box; grown to a hole.
    logits = Image.fromarray(np.tensordot(row[5:], prototypes[0], 1).astype(np.float32))
    large = logits.resize((size, size), Image.Resampling.BILINEAR)
    mask = large.crop((0, 0, width * scale, height * scale)).resize((width, height))
    own = np.zeros_like(hole)
    own[y0:y1, x0:x1] = np.asarray(mask)[y0:y1, x0:x1] > 0
    extent = max(x1 - x0, y1 - y0)
    reach = 2 * max(1, round(said["hole"]["growth"] * extent)) + 1
    own = np.asarray(Image.fromarray(own).convert("L").filter(ImageFilter.MaxFilter(reach))) > 0

    # Crop: a square round the hole, moved up; past the photo its edge is repeated. The mask is
    # blanked first, because resizing mixes neighbours.
    long = round(said["crop"]["context"] * extent)
    left, top = (x0 + x1 - long) // 2, (y0 + y1 - long) // 2 - round(said["crop"]["lift"] * long)
    at = np.ix_(np.clip(np.arange(top, top + long), 0, height - 1),
                np.clip(np.arange(left, left + long), 0, width - 1))  # fmt: skip
    shown = np.asarray(photo)[at]
    shown[own[at]] = shown[~own[at]].mean(axis=0)
    crop = Image.fromarray(shown).resize((side, side), Image.Resampling.BILINEAR)
    missing = Image.fromarray(own[at]).convert("L").resize((side, side), Image.Resampling.BOX)

    # Fill, and replace the hole's pixels by the fill; all others stay unchanged.
    given = {"image": np.asarray(crop)[None], "hole": np.where(np.asarray(missing), 255, 0)}
    given["hole"] = given["hole"].astype(np.uint8)[None]
    filled = Image.fromarray(inpainter.run(None, given)[0][0]).resize((long, long))
    canvas = photo.copy()
    canvas.paste(filled, (left, top))
    photo.paste(canvas, mask=Image.fromarray(own))
    hole |= own
photo.save(target)
print(f"{int(hole.sum())} pixels filled")
