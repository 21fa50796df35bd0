// A flame graph: a click or Enter on a frame widens it, arrows go from frame to frame, the box finds names.
"use strict";
{
  const SPACE = "http://www.w3.org/2000/svg", CHARACTER = 7.23, LEAST = 0.3, MARGIN = 10, ROW = 18;
  const graph = document.querySelector("svg.flame"), frames = [...graph.querySelectorAll(".f")];
  const head = graph.querySelector("foreignObject"), words = head.firstElementChild, tower = graph.querySelector("#tower");
  const find = graph.querySelector("#find"), found = graph.querySelector("#found"), all = graph.querySelector("#all");
  const of = (frame) => [Number(frame.dataset.x), Number(frame.dataset.w)];
  let [from, share] = [0, 1];

  // A name without its middle: what it is stands in front, what tells it from others often behind.
  function fitting(name, characters) {
    if (characters < 3) return "";
    if (name.length <= characters) return name;
    const end = Math.floor((characters - 1) * 0.4);
    return `${name.slice(0, characters - 1 - end)}…${end ? name.slice(-end) : ""}`;
  }

  function lay() {
    const whole = graph.getBoundingClientRect().width, width = whole - 2 * MARGIN;
    if (width <= 0) { // the page has not been laid out yet
      requestAnimationFrame(lay);
      return;
    }
    graph.removeAttribute("viewBox");
    head.setAttribute("width", width);
    const top = Math.ceil(words.getBoundingClientRect().height) + MARGIN;
    head.setAttribute("height", top);
    tower.setAttribute("transform", `translate(0 ${top + MARGIN})`);
    graph.setAttribute("height", top + MARGIN + Number(tower.dataset.rows) * ROW + MARGIN);
    for (const frame of frames) {
      const [x, w] = of(frame);
      const left = Math.max(0, (x - from) / share), right = Math.min(1, (x + w - from) / share);
      const room = (right - left) * width, gone = room < LEAST;
      frame.style.display = gone ? "none" : "";
      if (gone) continue;
      const rect = frame.querySelector("rect");
      rect.setAttribute("x", MARGIN + left * width);
      rect.setAttribute("width", room);
      let text = frame.querySelector("text");
      const label = fitting(frame.dataset.name, Math.floor((room - 8) / CHARACTER));
      if (!text) {
        if (!label) continue;
        text = frame.appendChild(document.createElementNS(SPACE, "text"));
        text.setAttribute("y", Number(rect.getAttribute("y")) + 13);
      }
      text.setAttribute("x", MARGIN + left * width + 4);
      text.textContent = label;
    }
    all.disabled = share === 1;
  }

  function widen(frame) {
    [from, share] = frame ? of(frame) : [0, 1];
    lay();
  }

  function search() {
    const wanted = find.value.trim().toLowerCase();
    graph.classList.toggle("searched", wanted !== "");
    let hits = 0, sum = 0, until = -1;
    for (const frame of frames) {
      const [x, w] = of(frame), hit = wanted !== "" && frame.dataset.name.toLowerCase().includes(wanted);
      frame.classList.toggle("hit", hit);
      if (!hit) continue;
      hits += 1;
      if (x < until - 1e-9) continue; // within one that is counted
      sum += w;
      until = x + w;
    }
    found.textContent = wanted === "" ? "" : `${hits.toLocaleString("en")} frames, ${(100 * sum).toFixed(1)} %`;
  }

  // Frames stand in the order of the tree, a caller before its callees.
  function neighbour(frame, key) {
    const [x, w] = of(frame), level = Number(frame.dataset.level);
    const shown = frames.filter((each) => each.style.display !== "none");
    const on = (wanted) => shown.filter((each) => Number(each.dataset.level) === wanted);
    const row = on(level), at = row.indexOf(frame);
    if (key === "ArrowLeft") return row[at - 1];
    if (key === "ArrowRight") return row[at + 1];
    if (key === "ArrowUp") return on(level + 1).find((each) => of(each)[0] >= x - 1e-9 && of(each)[0] < x + w);
    return on(level - 1).findLast((each) => of(each)[0] <= x + 1e-9);
  }

  for (const frame of frames) frame.addEventListener("click", () => widen(frame));
  tower.addEventListener("keydown", (event) => {
    const frame = event.target.closest(".f");
    if (!frame || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") widen(frame);
    else if (event.key === "Escape") widen(null);
    else if (event.key.startsWith("Arrow")) {
      const next = neighbour(frame, event.key);
      if (next) {
        frame.setAttribute("tabindex", "-1");
        next.setAttribute("tabindex", "0");
        next.focus();
      }
    } else return;
    event.preventDefault();
  });
  find.addEventListener("input", search);
  all.addEventListener("click", () => widen(null));
  addEventListener("resize", lay);
  lay();
}
