// The drawings of this visit, each with its class; a click brings one back.

import { SIDE, paint } from "./pixels.js";

const MOST = 30;

/** Fires `wanted` (detail: what `Surface.kept` gave) when one is to come back. */
export class Past extends EventTarget {
  #card = document.querySelector(".past");
  #list = document.getElementById("past");
  #entries = []; // the newest first

  /** Keeps a drawing that was answered; of the same picture only the answer is new. */
  add(pixels, label, drawing) {
    let entry = this.#entries.find((each) => each.pixels === pixels);
    if (!entry) {
      entry = { pixels, ...picture(pixels) };
      entry.button.addEventListener("click", () => this.dispatchEvent(new CustomEvent("wanted", { detail: drawing })));
      this.#entries.unshift(entry);
      this.#list.prepend(entry.item);
      for (const gone of this.#entries.splice(MOST)) gone.item.remove();
      this.#card.hidden = false;
    }
    entry.label.textContent = label;
    entry.button.setAttribute("aria-label", `${label}: bring this drawing back`);
    for (const { button } of this.#entries) button.removeAttribute("aria-current");
    entry.button.setAttribute("aria-current", "true");
  }
}

function picture(pixels) {
  const [item, button, canvas, label] = ["li", "button", "canvas", "span"].map((tag) => document.createElement(tag));
  canvas.width = canvas.height = SIDE;
  canvas.setAttribute("aria-hidden", "true");
  paint(canvas, pixels);
  button.type = "button";
  button.append(canvas, label);
  item.append(button);
  return { item, button, label };
}
