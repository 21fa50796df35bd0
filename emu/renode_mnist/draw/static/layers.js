// What each layer cost, as a stacked bar and as a table, in the unit that the target counts.

const COLOURS = 8;
const LABELLED = 0.14; // of the bar: what a label has room in on a phone

const whole = new Intl.NumberFormat("en");
const milliseconds = (value) => value.toFixed(3);
const colour = (number) => `var(--layer-${number % COLOURS})`;

export class Layers {
  #stack = document.getElementById("stack");
  #table = document.getElementById("layers");
  #total = document.getElementById("total");
  #note = document.getElementById("unit-note");

  show(record) {
    const sum = record.layers.reduce((total, layer) => total + layer.counter, 0) || 1;
    const share = (layer) => layer.counter / sum;
    const percent = (layer) => `${(100 * share(layer)).toFixed(0)} %`;
    this.#fit(record.layers.length);
    record.layers.forEach((layer, number) => {
      const part = this.#stack.children[number];
      part.style.setProperty("--share", share(layer));
      part.style.setProperty("--colour", colour(number));
      part.textContent = share(layer) >= LABELLED ? percent(layer) : "";
      part.title = `${layer.op}: ${whole.format(layer.counter)} ${record.counter_heading}`;
    });
    this.#stack.setAttribute(
      "aria-label",
      record.layers.map((layer) => `${layer.op} ${percent(layer)}`).join(", "),
    );
    document.getElementById("counter-heading").textContent = record.counter_heading;
    document.getElementById("milliseconds-heading").textContent = record.milliseconds_heading;
    this.#table.tBodies[0].replaceChildren(...record.layers.map(row));
    this.#table.hidden = false;
    const strong = document.createElement("strong");
    strong.textContent = `${whole.format(record.counter)} ${record.counter_heading}`;
    this.#total.replaceChildren(strong, `, ${milliseconds(record.milliseconds)} ${record.milliseconds_heading}`);
    this.#note.textContent = record.note;
  }

  clear() {
    this.#stack.replaceChildren();
    this.#stack.setAttribute("aria-label", "No result yet");
    this.#table.hidden = true;
    this.#total.textContent = "";
    this.#note.textContent = "Appears with the first answer.";
  }

  /** Parts are kept from one answer to the next, so that they move instead of jump. */
  #fit(count) {
    while (this.#stack.children.length > count) this.#stack.lastChild.remove();
    while (this.#stack.children.length < count) this.#stack.append(document.createElement("span"));
  }
}

/** A name such as CONV_2D+MAX_POOL_2D, which may be broken after each of its words. */
function breakable(name) {
  return name.split(/(?<=[+_])/).flatMap((word) => [word, document.createElement("wbr")]);
}

function row(layer, number) {
  const line = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  name.title = layer.name;
  name.style.setProperty("--colour", colour(number));
  name.append(...breakable(layer.op));
  const cells = [whole.format(layer.macs), whole.format(layer.counter), milliseconds(layer.milliseconds)];
  line.append(
    name,
    ...cells.map((text, column) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      if (column === 0) cell.className = "wide";
      return cell;
    }),
  );
  return line;
}
