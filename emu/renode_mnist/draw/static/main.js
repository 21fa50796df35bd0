// Puts the page together.

import * as api from "./api.js";
import { Answer } from "./answer.js";
import { Asking } from "./asking.js";
import { Layers } from "./layers.js";
import { Looking } from "./looking.js";
import { Maps } from "./maps.js";
import { Past } from "./past.js";
import { paint } from "./pixels.js";
import { Surface } from "./surface.js";
import { Target } from "./target.js";

const MAX_PICTURE_BYTES = 20_000_000; // the server's limit, said before the picture is sent
const STALE_MS = 800;

const element = (id) => document.getElementById(id);

const surface = new Surface(element("surface"));
const asking = new Asking(surface);
const answer = new Answer();
const layers = new Layers();
const maps = new Maps();
const past = new Past();
const looking = new Looking();
const target = new Target();

// What is drawn

function showDrawing() {
  element("undo").disabled = !surface.canUndo;
  element("clear").disabled = surface.isEmpty;
  element("hint").hidden = !surface.isEmpty;
}

for (const event of ["change", "settle"]) surface.addEventListener(event, showDrawing);
element("undo").addEventListener("click", () => surface.undo());
element("clear").addEventListener("click", () => surface.clear());
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "z" || event.shiftKey || event.altKey || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  if (surface.canUndo) surface.undo();
});

const stroke = element("stroke");
function showStroke() {
  surface.strokeWidth = stroke.value / 100;
  stroke.setAttribute("aria-valuetext", `${stroke.value} % of the drawing area`);
}
stroke.addEventListener("input", showStroke);
showStroke();

// What comes back

let staleTimer = 0;

/** Dims what belongs to an older drawing once that is to be seen for longer than a moment. */
function setStale(stale) {
  clearTimeout(staleTimer);
  const dim = () => document.querySelectorAll(".answer, .layers").forEach((each) => each.classList.toggle("stale", stale));
  if (stale) staleTimer = setTimeout(dim, STALE_MS);
  else dim();
}

function note(text, bad = false) {
  element("note").textContent = text;
  element("note").classList.toggle("bad", bad);
}

function clearResult(why) {
  answer.clear(why);
  layers.clear();
  maps.clear();
  looking.forget();
  setStale(false);
}

function showSeen(seen) {
  paint(element("seen"), seen?.pixels ?? null);
  element("seen").setAttribute("aria-label", seen ? `What the network sees: ${seen.description}` : "What the network sees: nothing yet");
  for (const id of ["export-png", "export-header", "export-npy", "export-golden"]) element(id).disabled = seen === null;
  note("");
  if (seen === null) clearResult("The answer appears while you draw.");
}

asking.addEventListener("seen", (event) => showSeen(event.detail));
asking.addEventListener("waiting", () => setStale(true));
asking.addEventListener("busy", (event) => answer.setBusy(event.detail));
asking.addEventListener("refused", (event) => note(event.detail.message, true));
asking.addEventListener("answer", (event) => {
  const { record, newest, settled } = event.detail;
  answer.show(record);
  layers.show(record);
  if (!newest) return;
  setStale(false);
  if (!settled) return; // of the beginning of a stroke
  answer.announce(record);
  past.add(asking.pixels, `${record.class}`, surface.kept);
  looking.at(asking.pixels);
});
looking.addEventListener("busy", (event) => maps.setBusy(event.detail));
looking.addEventListener("seen", (event) => {
  maps.show(event.detail);
  layers.showOther(event.detail.counts);
});
past.addEventListener("wanted", (event) => surface.restore(event.detail));
target.addEventListener("closed", () => {
  asking.forget();
  clearResult("The answer appears when the target is ready.");
});
target.addEventListener("session", () => asking.again());

// Pictures from elsewhere

async function open(file) {
  if (!file) return;
  if (file.size > MAX_PICTURE_BYTES) {
    note(`${file.name} is larger than ${MAX_PICTURE_BYTES / 1e6} MB. Scale it down or cut the digit out.`, true);
    return;
  }
  try {
    const { pixels } = await api.preprocess(file);
    surface.put(file, pixels);
  } catch (refused) {
    note(`${file.name}: ${refused.message}`, true);
  }
}

element("import").addEventListener("click", () => element("file").click());
element("file").addEventListener("change", async () => {
  await open(element("file").files[0]);
  element("file").value = ""; // so that the same file can be opened once more
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  element("paper").classList.add("dropping");
});
for (const event of ["dragleave", "drop"]) {
  document.addEventListener(event, () => element("paper").classList.remove("dropping"));
}
document.addEventListener("drop", (event) => {
  event.preventDefault();
  open(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => open(event.clipboardData.files[0]));

// Pictures for elsewhere

async function save(kind, name) {
  try {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await api.exported(kind, asking.pixels));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    return true;
  } catch (refused) {
    note(refused.message, true);
    return false;
  }
}

element("export-png").addEventListener("click", () => save("png", "digit.png"));
element("export-header").addEventListener("click", () => save("header", "builtin_digit.hpp"));
element("export-npy").addEventListener("click", () => save("npy", "drawing.npy"));
element("export-golden").addEventListener("click", async () => {
  note("Asking the PC's yardstick for the answer …");
  if (await save("golden", "drawing.npz")) note("Hold firmware to it by: renode-mnist test --golden drawing.npz");
});

showDrawing();
showSeen(null);
