// The target: what it is doing, what it is, and the choice of another one.

import * as api from "./api.js";

const SHORT_MS = 400; // work that takes no longer is not worth a word
const NAMED = ["target", "model", "engine"];

/** Fires `session` when another session has begun, and `closed` when there is none any more. */
export class Target extends EventTarget {
  #selects = Object.fromEntries(NAMED.map((name) => [name, document.getElementById(name)]));
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
    for (const select of Object.values(this.#selects)) select.addEventListener("change", () => this.#choose());
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
    const firmware = this.#offers?.elf ?? `${fileName(choice.model)}, ${choice.engine}`;
    const words = {
      building: `Building ${firmware}`,
      starting: `Starting ${choice.target}`,
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
    const { targets, models, engines, built, elf } = this.#offers;
    const { machine } = targets.find((each) => each.name === choice.target);
    const isBuilt = (model, engine) =>
      built.some((each) => each[0] === machine && each[1] === model && each[2] === engine);
    const label = (name, model, engine) => fileName(name) + (isBuilt(model, engine) ? "" : " (to build)");
    fill(this.#selects.target, targets.map(({ name }) => [name, name]), choice.target);
    fill(this.#selects.model, models.map((name) => [name, label(name, name, choice.engine)]), choice.model);
    fill(this.#selects.engine, engines.map((name) => [name, label(name, choice.model, name)]), choice.engine);
    for (const each of document.querySelectorAll(".of-image")) each.hidden = elf !== null;
    const file = document.getElementById("elf");
    file.hidden = elf === null;
    file.textContent = elf ?? "";
  }

  #choose() {
    const choice = Object.fromEntries(NAMED.map((name) => [name, this.#selects[name].value]));
    if (this.#offers?.elf) Object.assign(choice, { model: this.#latest.choice.model, engine: this.#latest.choice.engine });
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
