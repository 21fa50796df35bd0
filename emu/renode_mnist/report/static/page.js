"use strict";
// Tables that sort by a click or a key, and links to the parts of the page.

// What a cell says, as a number: without separators, what stands around it, and the sign that is no hyphen.
function figure(text) {
  const found = text.replaceAll(",", "").replace("−", "-").match(/^[^\d+-]*?([+-]?\d+(\.\d+)?(e[+-]?\d+)?)/i);
  if (found) return Number(found[1]);
  return text.includes("∞") ? (text.includes("-") ? -Infinity : Infinity) : null;
}

// Puts the rows in the order that the heads say; whoever fills a table anew calls it again.
function sort(table) {
  const heads = [...table.tHead.rows[0].cells], [body] = table.tBodies, rows = [...body.rows];
  for (const [number, row] of rows.entries()) row.dataset.place ??= number;
  const column = heads.findIndex((head) => ["ascending", "descending"].includes(head.getAttribute("aria-sort")));
  let key = (row) => Number(row.dataset.place), direction = 1;
  if (column >= 0) {
    const said = (row) => row.cells[column].textContent.trim();
    key = heads[column].classList.contains("figure") ? (row) => figure(said(row)) : (row) => said(row) || null;
    direction = heads[column].getAttribute("aria-sort") === "ascending" ? 1 : -1;
  }
  const compare = (one, other) => {
    const [a, b] = [key(one), key(other)];
    // What says nothing stands last, either way.
    if (a === null || b === null) return (a === null) - (b === null);
    return direction * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
  };
  body.replaceChildren(...rows.sort(compare));
}

function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      // A figure's largest is what one looks for; the third time all is as it was.
      const ways = ["ascending", "descending", "none"];
      if (head.classList.contains("figure")) ways.splice(0, 2, "descending", "ascending");
      const next = ways[(ways.indexOf(head.getAttribute("aria-sort")) + 1) % ways.length];
      for (const each of heads) each.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", next);
      sort(table);
    });
  }
}

document.querySelectorAll("table.sortable").forEach(makeSortable);

{
  const nav = document.querySelector("nav"), titles = [...document.querySelectorAll("main h2[id]")];
  nav.hidden = titles.length < 3;
  for (const title of titles) {
    const item = document.createElement("li"), link = document.createElement("a");
    link.href = `#${title.id}`;
    link.textContent = title.textContent;
    item.append(link);
    nav.firstElementChild.append(item);
  }
}
