// Asks for a closer look at a drawing that was answered and is done; the newest question alone counts.

import * as api from "./api.js";

/** Fires `busy` (detail: whether one is under way) and `seen` (detail: what was seen). */
export class Looking extends EventTarget {
  #asked = 0;

  async at(pixels) {
    const number = (this.#asked += 1);
    this.#tell("busy", true);
    try {
      const seen = await api.look(pixels);
      if (seen !== null && number === this.#asked) this.#tell("seen", seen);
    } catch {
      // Of a target that failed the state tells; of the picture the answer does.
    }
    if (number === this.#asked) this.#tell("busy", false);
  }

  /** A look that is under way no longer counts. */
  forget() {
    this.#asked += 1;
    this.#tell("busy", false);
  }

  #tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}
