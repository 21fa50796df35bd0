// Pictures of 28x28 grey levels, as the server writes them: 1,568 hexadecimal digits, row by row.

export const SIDE = 28;

const levels = (hex) => Uint8Array.from({ length: SIDE * SIDE }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));

/** Paints pictures side by side, in rows, with so many pixels between them. */
export function paintSheet(canvas, hex, { height, width, shown }, columns, gap) {
  canvas.width = Math.min(columns, shown) * (width + gap) - gap;
  canvas.height = Math.ceil(shown / columns) * (height + gap) - gap;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < shown * height * width; i += 1) {
    const [map, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    const [left, top] = [(map % columns) * (width + gap), Math.floor(map / columns) * (height + gap)];
    const level = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
    image.data.set([level, level, level, 255], 4 * ((top + y) * canvas.width + left + x));
  }
  context.putImageData(image, 0, 0);
}

/** Paints grey levels onto a canvas of 28x28; null paints it black. */
export function paint(canvas, hex) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  const grey = hex === null ? new Uint8Array(SIDE * SIDE) : levels(hex);
  grey.forEach((level, i) => image.data.set([level, level, level, 255], 4 * i));
  context.putImageData(image, 0, 0);
}

/** A canvas of 28x28 in one colour, as opaque as the picture is bright. */
export function inked(hex, colour) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  levels(hex).forEach((level, i) => image.data.set([255, 255, 255, level], 4 * i));
  context.putImageData(image, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = colour;
  context.fillRect(0, 0, SIDE, SIDE);
  return canvas;
}
