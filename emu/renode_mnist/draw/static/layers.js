// What each layer cost, as a stacked bar and as a table, in the unit that the target counts.

const COLOURS = 8;
const LABELLED = 0.14; // of the bar: what a label has room in on a phone

const whole = new Intl.NumberFormat("en");
const milliseconds = (value) => value.toFixed(3);
const colour = (number) => `var(--series-${number % COLOURS})`;

export class Layers {
  #stack = document.getElementById("stack");
  #table = document.getElementById("layers");
  #total = document.getElementById("total");
  #note = document.getElementById("unit-note");
  #other = document.getElementById("other-note");

  show(record) {
    const sum = record.layers.reduce((total, layer) => total + layer.counter, 0) || 1;
    const share = (layer) => layer.counter / sum;
    const percent = (layer) => `${(100 * share(layer)).toFixed(0)} %`;
    this.#fit(record.layers.length);
    record.layers.forEach((layer, number) => {
      const part = this.#stack.children[number];
      part.style.setProperty("--share", share(layer));
      part.style.setProperty("--colour", colour(number));
      part.replaceChildren(...(share(layer) >= LABELLED ? [label(`${number}: ${percent(layer)}`)] : []));
      part.title = `${layer.op}: ${whole.format(layer.counter)} ${record.counter_heading}`;
    });
    this.#stack.setAttribute(
      "aria-label",
      record.layers.map((layer) => `${layer.op} ${percent(layer)}`).join(", "),
    );
    document.getElementById("counter-heading").textContent = record.counter_heading;
    document.getElementById("milliseconds-heading").textContent = record.milliseconds_heading;
    this.#table.tBodies[0].replaceChildren(...record.layers.map(row));
    this.#showCounts(null);
    this.#table.hidden = false;
    const strong = document.createElement("strong");
    strong.textContent = `${whole.format(record.counter)} ${record.counter_heading}`;
    this.#total.replaceChildren(strong, `, ${milliseconds(record.milliseconds)} ${record.milliseconds_heading}`);
    this.#note.textContent = record.note;
  }

  /** What the layers took by another count: modelled cycles beside instructions, or the other way. */
  showOther(counts) {
    if (counts?.layers.length === this.#table.tBodies[0].rows.length) this.#showCounts(counts);
  }

  #showCounts(counts) {
    // Of cycles the time says most, of instructions their number.
    const isNumber = counts?.counter_heading === "instructions";
    const text = (of) => (isNumber ? whole.format(of.counter) : milliseconds(of.milliseconds));
    const heading = isNumber ? counts.counter_heading : (counts?.milliseconds_heading ?? "");
    const head = document.getElementById("other-heading");
    head.hidden = counts === null;
    this.#table.classList.toggle("with-time", counts !== null && !isNumber);
    head.textContent = heading;
    [...this.#table.tBodies[0].rows].forEach((line, number) => {
      line.lastChild.hidden = counts === null;
      line.lastChild.textContent = counts === null ? "" : text(counts.layers[number]);
    });
    this.#other.textContent =
      counts === null ? "" : `In a second run of the same image: ${text(counts)} ${heading}. ${counts.note}`;
  }

  clear() {
    this.#showCounts(null);
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

function label(text) {
  const element = document.createElement("b");
  element.textContent = text;
  return element;
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
  name.append(`${number} `, ...breakable(layer.op));
  const cells = [whole.format(layer.macs), whole.format(layer.counter), milliseconds(layer.milliseconds)];
  const other = document.createElement("td"); // another count, which comes later or never
  line.append(
    name,
    ...cells.map((text, column) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      if (column === 0) cell.className = "wide";
      return cell;
    }),
    other,
  );
  return line;
}
