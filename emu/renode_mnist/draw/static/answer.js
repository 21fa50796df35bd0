// The verdict and the ten scores.

const CLASSES = 10;

export class Answer {
  #section = document.querySelector(".answer");
  #numeral = document.getElementById("class");
  #verdict = document.getElementById("verdict");
  #live = document.getElementById("live");
  #rows;

  constructor() {
    this.#rows = Array.from({ length: CLASSES }, (_, label) => row(label));
    document.getElementById("scores").replaceChildren(...this.#rows.map((each) => each.item));
  }

  show(record) {
    const winner = record.class;
    const score = record.scores[winner].toFixed(4);
    this.#section.classList.remove("empty");
    this.#numeral.textContent = winner;
    const [second, margin] = runnerUp(record);
    this.#verdict.replaceChildren(
      said("strong", `Class ${winner}`),
      said("span", `score ${score}`),
      said("span", `then ${second}: ${record.scores[second].toFixed(4)}`),
      said("span", `margin ${margin.toFixed(4)}`),
    );
    this.#rows.forEach(({ item, bar, value }, label) => {
      const share = record.scores[label];
      item.classList.toggle("winner", label === winner);
      bar.style.setProperty("--share", Math.min(1, Math.max(0, share)));
      value.textContent = share.toFixed(4);
    });
  }

  /** Tells whoever does not see the page, and tests, whether what stands here is to what is drawn. */
  setBusy(busy) {
    this.#section.setAttribute("aria-busy", busy);
  }

  /** Says the result to a screen reader; not while one draws, when it changes several times a second. */
  announce(record) {
    const [second, margin] = runnerUp(record);
    const score = record.scores[record.class].toFixed(2);
    this.#live.textContent = `Class ${record.class}, score ${score}, then ${second}, margin ${margin.toFixed(2)}`;
  }

  /** Shows that there is no answer, and why. */
  clear(why) {
    this.#section.classList.add("empty");
    this.#numeral.textContent = "–";
    this.#verdict.textContent = why;
    this.#live.textContent = "";
    for (const { item, bar, value } of this.#rows) {
      item.classList.remove("winner");
      bar.style.setProperty("--share", 0);
      value.textContent = "";
    }
  }
}

/** The second-best class, and by how much the best one is before it. */
function runnerUp({ class: winner, scores }) {
  const others = scores.map((_, label) => label).filter((label) => label !== winner);
  const second = others.reduce((best, label) => (scores[label] > scores[best] ? label : best));
  return [second, scores[winner] - scores[second]];
}

function row(label) {
  const item = document.createElement("li");
  const [name, track, bar, value] = ["span", "div", "div", "span"].map((tag) => document.createElement(tag));
  name.textContent = label;
  track.className = "track";
  bar.className = "bar";
  value.className = "value";
  track.append(bar);
  item.append(name, track, value);
  return { item, bar, value };
}

function said(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}
