// The target: what it is doing, what it is, and the choice of another one.

import * as api from "./api.js";

const SHORT_MS = 400; // work that takes no longer is not worth a word

/** Fires `session` when another session has begun, and `closed` when there is none any more. */
export class Target extends EventTarget {
  #selects = {};
  #elf = document.getElementById("elf");
  #state = document.getElementById("state");
  #text = document.getElementById("state-text");
  #trouble = document.getElementById("trouble");
  #retry = document.getElementById("retry");
  #identity = document.getElementById("identity");
  #offers = null;
  #latest = null;
  #since = 0;
  #opened = 0;

  constructor() {
    super();
    this.#keep("target", document.getElementById("target"));
    this.#retry.addEventListener("click", () => this.#try(api.retry));
    setInterval(() => this.#describe(), 200);
    api.watch(
      (latest) => this.#take(latest),
      () => this.#lost(),
    );
  }

  async #take(latest) {
    const isNews = latest.state !== this.#latest?.state && latest.state !== "busy" && latest.state !== "ready";
    this.#latest = latest;
    this.#since = performance.now() - 1000 * latest.seconds;
    this.#describe();
    this.#showTrouble(latest.error, latest.state === "failed");
    this.#showIdentity(latest.session);
    if (latest.session === null && this.#opened !== 0) {
      this.#opened = 0;
      this.dispatchEvent(new Event("closed"));
    }
    const isOther = latest.session !== null && latest.opened !== this.#opened;
    if (isOther) {
      this.#opened = latest.opened;
      this.dispatchEvent(new Event("session"));
    }
    if (isOther || isNews) await this.#loadOffers(); // a build may have come about
    this.#mark();
  }

  #lost() {
    this.#latest = null;
    this.#state.dataset.state = "lost";
    this.#text.textContent = "Disconnected";
    this.#showTrouble("renode-mnist draw does not answer. Start it again; this page then goes on by itself.", false);
  }

  #describe() {
    if (this.#latest === null) return;
    const { state, choice } = this.#latest;
    const elapsed = performance.now() - this.#since;
    // Short work keeps the look of what was before it, which would flicker otherwise.
    if (state === "busy" && elapsed < SHORT_MS) return;
    const { target, ...image } = choice;
    const firmware = this.#offers?.elf ?? Object.values(image).map(fileName).join(", ");
    const words = {
      building: `Building ${firmware}`,
      starting: `Starting ${target}`,
      ready: "Ready",
      busy: "Working",
      failed: "Failed",
    };
    const timed = !["ready", "failed"].includes(state) && elapsed >= 2000;
    this.#state.dataset.state = state;
    this.#text.textContent = words[state] + (timed ? `, ${Math.floor(elapsed / 1000)} s` : "");
  }

  #showTrouble(text, canRetry) {
    const element = document.getElementById("trouble-text");
    const sentence = text === null ? "" : text[0].toUpperCase() + text.slice(1);
    // Set only when it is another one: a screen reader says it anew each time.
    if (element.textContent !== sentence) element.textContent = sentence;
    this.#retry.hidden = !canRetry;
    this.#trouble.hidden = text === null;
  }

  #showIdentity(session) {
    const rows = session?.identity ?? [];
    this.#identity.replaceChildren(
      ...rows.flatMap(([label, text]) => {
        const [term, description] = [document.createElement("dt"), document.createElement("dd")];
        term.textContent = label;
        description.textContent = text;
        return [term, description];
      }),
    );
    document.querySelector(".identity").hidden = rows.length === 0;
  }

  async #loadOffers() {
    try {
      this.#offers = await api.offers();
    } catch {
      // The state says that the server is gone; the next one asks again.
    }
  }

  #mark() {
    if (this.#offers === null || this.#latest === null) return;
    const { choice } = this.#latest;
    const { targets, choices, built, elf } = this.#offers;
    const { machine } = targets.find((each) => each.name === choice.target);
    const isBuilt = (wanted) =>
      built.some((each) => each.machine === machine && Object.keys(choices).every((name) => each[name] === wanted[name]));
    fill(this.#selects.target, targets.map(({ name }) => [name, name]), choice.target);
    for (const [name, values] of Object.entries(choices)) {
      const label = (value) => fileName(value) + (isBuilt({ ...choice, [name]: value }) ? "" : " (to build)");
      fill(this.#selects[name] ?? this.#add(name), values.map((value) => [value, label(value)]), choice[name]);
    }
    this.#elf.hidden = elf === null;
    this.#elf.textContent = elf ?? "";
  }

  /** A list for another option of the image. */
  #add(name) {
    const [label, select] = [document.createElement("label"), document.createElement("select")];
    const words = name.replaceAll("_", " ");
    select.id = name;
    label.append(`${words[0].toUpperCase()}${words.slice(1)} `, select);
    this.#elf.before(label, "\n");
    return this.#keep(name, select);
  }

  #keep(name, select) {
    this.#selects[name] = select;
    select.addEventListener("change", () => this.#choose());
    return select;
  }

  #choose() {
    const chosen = Object.entries(this.#selects).map(([name, select]) => [name, select.value]);
    const choice = { ...this.#latest.choice, ...Object.fromEntries(chosen) };
    this.#try(() => api.choose(choice));
  }

  async #try(request) {
    try {
      await request();
    } catch (refused) {
      this.#showTrouble(refused.message, this.#latest?.state === "failed");
      this.#mark();
    }
  }
}

/** A model is named by its file where it is none of the committed ones. */
const fileName = (path) => path.split("/").at(-1);

/** Options of a select, which keeps them where they are the same: an open list stays open. */
function fill(select, options, chosen) {
  const text = JSON.stringify(options);
  if (select.dataset.options !== text) {
    select.dataset.options = text;
    select.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
  }
  select.value = chosen;
}
