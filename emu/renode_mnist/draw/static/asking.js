// Asks the server about what is drawn: while one draws once it pauses, at once when a stroke is done.
//
// What the network sees is asked for one drawing at a time and comes at once; of the target several answers may be
// under way. The server drops the questions that newer ones have overtaken; here an answer counts if none to a newer
// question was shown.

import * as api from "./api.js";

const PAUSE_MS = 120;

/**
 * Fires `seen` (detail: pixels, description; null where there is nothing), `waiting`, `answer` (detail: the record,
 * whether it is to the newest question, and whether that is of all that is drawn) and `refused`, and `busy` (detail:
 * whether an answer to what is drawn is still to come).
 */
export class Asking extends EventTarget {
  #surface;
  #timer = 0;
  #wanted = false; // the drawing has changed since it was last looked at
  #looking = false;
  #asked = 0; // questions so far
  #shown = 0; // the newest question that was answered, or needs no answer any more
  #seen = null;

  constructor(surface) {
    super();
    this.#surface = surface;
    surface.addEventListener("change", () => {
      this.#timer ||= setTimeout(() => this.#look(), PAUSE_MS);
      this.#tellBusy();
    });
    surface.addEventListener("settle", () => this.#look());
  }

  /** What the network sees of the drawing, or null. */
  get pixels() {
    return this.#seen?.pixels ?? null;
  }

  /** Asks again about what was seen last: another target answers. */
  again() {
    if (this.#seen !== null) this.#classify();
  }

  /** Answers under way no longer count. */
  forget() {
    this.#shown = this.#asked;
    this.#tellBusy();
  }

  async #look() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#wanted = true;
    if (this.#looking) return;
    this.#looking = true;
    this.#tellBusy();
    while (this.#wanted) {
      this.#wanted = false;
      await this.#lookOnce();
    }
    this.#looking = false;
    this.#tellBusy();
  }

  async #lookOnce() {
    try {
      this.#seen = this.#surface.isEmpty ? null : await api.preprocess(await this.#surface.picture());
    } catch (refused) {
      this.#seen = null;
      this.forget();
      this.#tell("seen", null);
      this.#tell("refused", refused);
      return;
    }
    this.#tell("seen", this.#seen);
    if (this.#seen === null) this.forget();
    else this.#classify();
  }

  async #classify() {
    const number = (this.#asked += 1);
    this.#tell("waiting", null);
    try {
      const record = await api.classify(this.#seen.pixels);
      if (record === null || number <= this.#shown) return;
      this.#shown = number;
      this.#tell("answer", { record, newest: number === this.#asked, settled: !this.#isBusy });
      this.#tellBusy();
    } catch (refused) {
      if (number !== this.#asked) return;
      this.forget();
      // Of a target that failed the state tells, which the server sends.
      if (refused.status !== api.TARGET_FAILED) this.#tell("refused", refused);
    }
  }

  get #isBusy() {
    return this.#surface.isDrawing || this.#timer !== 0 || this.#looking || this.#shown < this.#asked;
  }

  #tellBusy() {
    this.#tell("busy", this.#isBusy);
  }

  #tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}
