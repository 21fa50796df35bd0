"use strict";
// Texts of commits come from anybody: they reach the page by textContent, and Plotly, which knows tags, escaped.
const { commits, cases } = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const chart = at("chart"), byCase = at("case"), byPart = at("part");
const radios = [...document.querySelectorAll("[name=metric]")];
const last = commits.length - 1, LEAST_SPAN = 2;
let chosen = last, range = [-0.5, last + 0.5];

const number = (value) => value.toLocaleString("en");
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const metric = () => radios.find((radio) => radio.checked)?.value;
let rowOf = []; // of the table, by commit
let marked = null; // the chosen commit's
const part = () => cases[byCase.selectedIndex].parts[byPart.selectedIndex];
const series = () => part().metrics[metric()];

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function changeOf(shown, index) {
  if (shown.breaks[index]) return ["break", "break"];
  const percent = shown.changes[index];
  if (percent === null) return ["", ""];
  if (percent === 0) return ["=", "soft"];
  const digits = Math.abs(percent) < 0.01 ? percent.toExponential(1) : Number(percent.toPrecision(3)).toString();
  return [`${percent > 0 ? "+" : ""}${digits} %`, percent > 0 ? "worse" : "better"];
}

function commitName(commit) {
  if (!/^https?:\/\//.test(commit.url)) return element("code", commit.short);
  const link = element("a");
  link.href = commit.url;
  link.rel = "noopener noreferrer";
  link.append(element("code", commit.short));
  return link;
}

// Words that fit a hover box of a phone.
function wrapped(text, width = 34) {
  const lines = [""];
  for (const word of text.split(" ").flatMap((each) => each.match(new RegExp(`.{1,${width}}`, "gu")) ?? [])) {
    if (lines.at(-1).length + word.length >= width && lines.at(-1)) lines.push("");
    lines[lines.length - 1] += (lines.at(-1) && " ") + word;
  }
  return lines.slice(0, 4).map(escaped).join("<br>");
}

// Made when it is first drawn: a long history has thousands.
function hovers(shown) {
  shown.hovers ??= shown.figures.map((figure, index) => (figure === null ? "" : hover(shown, index)));
  return shown.hovers;
}

function hover(shown, index) {
  const commit = commits[index], [change] = changeOf(shown, index);
  return `<b>${number(shown.figures[index])}</b> ${shown.unit} ${escaped(change)}<br>`
    + `${commit.short} ${commit.date}<br>${wrapped(commit.author)}<br>${wrapped(commit.message)}`;
}

// A line for each stretch between breaks, so that none leads across.
function stretches(shown) {
  const found = [[]];
  shown.figures.forEach((figure, index) => {
    if (figure === null) return;
    if (shown.breaks[index]) found.push([]);
    found.at(-1).push(index);
  });
  return found.filter((each) => each.length);
}

function heights(shown) {
  const seen = shown.figures.filter((figure, index) => figure !== null && index >= range[0] && index <= range[1]);
  const figures = seen.length ? seen : shown.figures.filter((figure) => figure !== null);
  const low = Math.min(...figures), high = Math.max(...figures);
  const room = Math.max((high - low) * 0.12, high * 0.005, 2); // a flat line stays one, however small its unit
  return [Math.max(0, low - room), high + room * 1.6];
}

function draw() {
  const shown = series(), verdicts = cases[byCase.selectedIndex].verdicts;
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const name = (index) => commits[index].short;
  const traces = stretches(shown).map((indices) => ({
    x: indices.map(name),
    y: indices.map((index) => shown.figures[index]),
    customdata: indices,
    text: indices.map((index) => hovers(shown)[index]),
    hovertemplate: "%{text}<extra></extra>",
    mode: "lines+markers",
    line: { color: colour("mark"), width: 2 },
    marker: {
      size: indices.map((index) => (verdicts[index] === "failed" ? 11 : 7)),
      color: indices.map((index) => colour(verdicts[index] === "failed" ? "bad" : "mark")),
      opacity: 1,
      symbol: indices.map((index) => (verdicts[index] === "failed" ? "x" : "circle")),
    },
  }));
  if (shown.figures[chosen] !== null)
    traces.push({
      x: [name(chosen)], y: [shown.figures[chosen]], mode: "markers", hoverinfo: "skip",
      marker: { size: 15, color: "rgba(0,0,0,0)", line: { width: 2, color: colour("ink") } },
    });
  const broken = Object.keys(shown.breaks).map(Number);
  const rim = (range[1] - range[0]) * 0.02; // for marks at the ends
  const axis = { gridcolor: colour("rule"), linecolor: colour("rule"), zeroline: false, automargin: true };
  Plotly.react(chart, traces, {
    font: { color: colour("ink"), family: "system-ui, sans-serif", size: 12 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 8, r: 8, t: 24, b: 8 },
    showlegend: false,
    // A finger that moves over the chart moves the page; it has the buttons.
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    hovermode: "closest",
    hoverlabel: { align: "left", bgcolor: colour("raised"), bordercolor: colour("soft"), font: { color: colour("ink") } },
    xaxis: { ...axis, type: "category", categoryorder: "array", categoryarray: commits.map((each) => each.short),
      range: [range[0] - rim, range[1] + rim], tickfont: { size: 11 }, nticks: Math.max(2, Math.floor(chart.clientWidth / 90)), tickangle: 0 },
    yaxis: { ...axis, range: heights(shown), fixedrange: true, tickformat: ",d", nticks: 6, title: { text: shown.unit } },
    shapes: broken.map((index) => ({ type: "line", x0: index - 0.5, x1: index - 0.5, yref: "paper", y0: 0, y1: 1,
      line: { dash: "dot", width: 2, color: colour("warn") } })),
    annotations: broken.filter((index) => index - 0.5 > range[0] && index - 0.5 < range[1]).map((index) => ({
      x: index - 0.5, y: 1, yref: "paper", yanchor: "bottom", showarrow: false, text: "break",
      font: { color: colour("warn"), size: 11 } })),
  }, { responsive: true, displayModeBar: false, doubleClick: false });
}

function tell() {
  const shown = series(), commit = commits[chosen], figure = shown.figures[chosen];
  const [change, className] = changeOf(shown, chosen);
  const heading = element("p", "", "figures");
  heading.append(figure === null ? "no figure" : `${number(figure)} ${shown.unit} `, element("span", change, className));
  const who = element("p", "", "soft");
  who.append(commitName(commit), ` ${commit.date}, ${commit.author}`);
  const lines = [heading, element("p", commit.message), who];
  if (shown.breaks[chosen]) lines.push(element("p", `Not comparable with the one before: ${shown.breaks[chosen].join(", ")}`, "break"));
  const verdict = cases[byCase.selectedIndex].verdicts[chosen];
  if (verdict === "failed") lines.push(element("p", "its checks failed", "worse"));
  at("commit").replaceChildren(...lines);
  chart.setAttribute("aria-valuenow", chosen + 1);
  chart.setAttribute("aria-valuetext", lines.map((line) => line.textContent.trim()).join(", "));
  at("older").disabled = chosen === 0;
  at("newer").disabled = chosen === last;
  marked?.classList.remove("chosen");
  marked = rowOf[chosen];
  marked.classList.add("chosen");
}

function list() {
  const shown = series();
  at("unit").textContent = shown.unit;
  rowOf = commits.map((commit, index) => {
    const row = document.createElement("tr"), [change, className] = changeOf(shown, index);
    const figure = shown.figures[index] === null ? "none" : number(shown.figures[index]);
    const first = document.createElement("td");
    first.append(commitName(commit));
    row.append(first, element("td", commit.date), element("td", figure, "figure"),
      element("td", change, `figure ${className}`), element("td", commit.message, "message"), element("td", commit.author));
    if (shown.breaks[index]) row.classList.add("broken");
    return row;
  });
  document.querySelector("tbody").replaceChildren(...rowOf.toReversed());
  sort(document.querySelector("table"));
  const broken = Object.entries(shown.breaks);
  at("breaks").hidden = !broken.length;
  at("breaks").querySelector("ul").replaceChildren(...broken.map(([index, why]) => {
    const item = document.createElement("li");
    item.append(commitName(commits[index]), `: ${why.join(", ")}`);
    return item;
  }));
}

function show() {
  at("shown").textContent = `${cases[byCase.selectedIndex].name}, ${part().name}: ${series().title}`;
  const state = new URLSearchParams({ case: byCase.value, metric: metric() });
  if (byPart.selectedIndex) state.set("layer", part().layer);
  history.replaceState(null, "", `#${state}`);
  list();
  tell();
  draw();
}

function choose(index) {
  chosen = Math.min(last, Math.max(0, index));
  if (chosen < range[0] || chosen > range[1]) { // what is chosen is seen
    const half = (range[1] - range[0]) / 2;
    zoom(chosen - half, chosen + half);
    return;
  }
  tell();
  draw();
}

function zoom(from, to) {
  const span = Math.max(LEAST_SPAN, Math.min(last + 1, to - from));
  const low = Math.max(-0.5, Math.min((from + to - span) / 2, last + 0.5 - span));
  range = span >= last + 1 ? [-0.5, last + 0.5] : [low, low + span];
  chosen = Math.min(Math.floor(range[1]), Math.max(Math.ceil(range[0]), chosen));
  tell();
  draw();
}

function zoomBy(factor) {
  const half = ((range[1] - range[0]) / 2) * factor;
  zoom(chosen - half, chosen + half);
}

// Selects only what there is: parts of a case, and figures of a part.
function fill(layer, wanted) {
  const { parts } = cases[byCase.selectedIndex];
  byPart.replaceChildren(...parts.map((each) => new Option(each.name)));
  byPart.selectedIndex = Math.max(0, parts.findIndex((each) => `${each.layer}` === `${layer}`));
  const there = part().metrics;
  for (const radio of radios) {
    radio.disabled = !(radio.value in there);
    radio.checked = radio.value === wanted && !radio.disabled;
  }
  if (!metric()) radios.find((radio) => !radio.disabled).checked = true;
  show();
}

function restore() {
  const state = new URLSearchParams(location.hash.slice(1));
  const index = cases.findIndex((each) => each.name === state.get("case"));
  byCase.selectedIndex = Math.max(0, index);
  fill(state.get("layer"), state.get("metric") ?? "cycles");
}

byCase.replaceChildren(...cases.map((each) => new Option(each.name, each.name)));
chart.setAttribute("aria-valuemax", commits.length);
byCase.addEventListener("change", () => fill(part()?.layer ?? null, metric()));
byPart.addEventListener("change", () => fill(part().layer, metric()));
for (const radio of radios) radio.addEventListener("change", show);
at("choice").addEventListener("submit", (event) => event.preventDefault());
at("older").addEventListener("click", () => choose(chosen - 1));
at("newer").addEventListener("click", () => choose(chosen + 1));
at("in").addEventListener("click", () => zoomBy(0.5));
at("out").addEventListener("click", () => zoomBy(2));
at("all").addEventListener("click", () => zoom(-0.5, last + 0.5));
const keys = {
  ArrowLeft: () => choose(chosen - 1), ArrowDown: () => choose(chosen - 1),
  ArrowRight: () => choose(chosen + 1), ArrowUp: () => choose(chosen + 1),
  Home: () => choose(0), End: () => choose(last),
  "+": () => zoomBy(0.5), "=": () => zoomBy(0.5), "-": () => zoomBy(2), 0: () => zoom(-0.5, last + 0.5),
};
chart.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
});
window.addEventListener("hashchange", restore);
window.addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
restore();
chart.on("plotly_click", ({ points }) => points[0].customdata !== undefined && choose(points[0].customdata));
chart.on("plotly_doubleclick", () => zoom(-0.5, last + 0.5));
chart.on("plotly_relayout", (change) => {
  const [from, to] = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
  if (from !== undefined) zoom(from, to);
});
