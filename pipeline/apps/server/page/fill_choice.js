// The fills that the server made of a photo, as thumbnails to choose one from.

const SIDE = 160; // of a thumbnail, in its own pixels
const MARGIN = 0.35; // round the filled part of a face, as a fraction of it
const MOST_FACES = 4; // in a thumbnail

export class FillChoice {
  // field: the element that is shown if there are several. list: the element in it that contains
  // them. onChoose: called with the index of the chosen fill, from 0.
  constructor(field, list, onChoose) {
    this.field = field;
    this.list = list;
    this.onChoose = onChoose;
  }

  // blobs: pictures of the same size. drawing: their holes. Does not call onChoose.
  show(blobs, drawing) {
    this.field.hidden = blobs.length < 2;
    this.list.replaceChildren();
    if (blobs.length < 2) return;
    const squares = squaresRound(drawing.faces());
    blobs.forEach((blob, index) => {
      const label = document.createElement("label");
      const radio = document.createElement("input");
      const thumbnail = document.createElement("canvas");
      radio.type = "radio";
      radio.name = "guess";
      radio.checked = index === 0;
      radio.addEventListener("change", () => this.onChoose(index));
      thumbnail.width = thumbnail.height = SIDE;
      thumbnail.setAttribute("aria-hidden", "true");
      label.append(radio, thumbnail, `Guess ${index + 1}`);
      this.list.append(label);
      paint(thumbnail, blob, squares);
    });
  }
}

// x, y and side of a square round each of the largest faces, largest first; squares may extend past
// the picture.
function squaresRound(faces) {
  return faces
    .map(({ box: [x0, y0, x1, y1] }) => {
      const side = (1 + 2 * MARGIN) * Math.max(x1 - x0, y1 - y0, 1);
      return [(x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side];
    })
    .sort((one, other) => other[2] - one[2])
    .slice(0, MOST_FACES);
}

// A format that this browser does not support leaves the thumbnail empty.
async function paint(canvas, blob, squares) {
  const across = squares.length > 1 ? 2 : 1;
  const tile = SIDE / across;
  try {
    const picture = await createImageBitmap(blob);
    squares.forEach(([x, y, side], index) => {
      const [column, row] = [index % across, Math.floor(index / across)];
      const place = [column * tile, row * tile, tile, tile];
      canvas.getContext("2d").drawImage(picture, x, y, side, side, ...place);
    });
    picture.close();
  } catch {
    canvas.hidden = true;
  }
}
