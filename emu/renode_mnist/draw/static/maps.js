// What each layer made of the drawing, as small pictures.

import { paintSheet } from "./pixels.js";

const SHEET = 400; // of the screen's pixels from side to side
const COLUMNS = 16; // of pictures at most
const LEAST_SCALE = 2; // of the screen's pixels for one of a tensor
const CELLS = 32; // of a vector in a row

export class Maps {
  #card = document.getElementById("maps-card");
  #list = document.getElementById("maps");
  #how = document.getElementById("how");

  show(look) {
    this.#card.hidden = false;
    this.#list.replaceChildren(...look.maps.map(entry));
    this.#how.textContent = look.how;
  }

  setBusy(busy) {
    this.#card.setAttribute("aria-busy", busy);
  }

  clear() {
    this.#card.hidden = true;
    this.#list.replaceChildren();
  }
}

function entry(map) {
  const [item, figure, caption, name] = ["li", "figure", "figcaption", "strong"].map((tag) => document.createElement(tag));
  const range = `${number(map.low)} to ${number(map.high)}`;
  name.textContent = `${map.step} ${map.op}`;
  const left = map.shown < map.count ? `, the first ${map.shown} of ${map.count}` : "";
  caption.append(name, ` ${map.shape}, ${range}${left}`);
  figure.append(caption);
  if (map.shown > 0) figure.append(sheet(map, range));
  item.append(figure);
  return item;
}

function sheet(map, range) {
  const canvas = document.createElement("canvas");
  if (map.height === 1 && map.count === 1) {
    // A vector is a sheet of pictures of one pixel each.
    paintSheet(canvas, map.pixels, { height: 1, width: 1, shown: map.width }, CELLS, 0);
  } else {
    paintSheet(canvas, map.pixels, map, columns(map), 1);
  }
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Activations of layer ${map.step}, ${map.op}: ${map.shape}, from ${range}`);
  canvas.style.width = `${canvas.width * Math.max(1, Math.min(12, Math.floor(SHEET / canvas.width)))}px`;
  return canvas;
}

/** How many pictures side by side: as many as fit, fewer where the last row is full then. */
function columns({ width, shown }) {
  const most = Math.max(1, Math.min(COLUMNS, shown, Math.floor(SHEET / (LEAST_SCALE * (width + 1)))));
  for (let fewer = most; fewer > most / 2; fewer -= 1) if (shown % fewer === 0) return fewer;
  return most;
}

const number = (value) => Number(value.toPrecision(3)).toString();
