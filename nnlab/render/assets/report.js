"use strict";
// Everything on the page is there without this script: it sorts, shows values and opens what is printed.

// --- sorting: the headings become buttons; the first click puts the smallest first, the second the largest.
for (const table of document.querySelectorAll("table.comparison")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      headings.forEach(other => other.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      table.querySelector(".order")?.remove();  // it is no longer true
      sort(table.tBodies[0], column, heading.classList.contains("number"), up ? 1 : -1);
    });
  });
}

function sort(body, column, numeric, direction) {
  const keyed = [...body.rows].map(row => {
    const text = row.cells[column].textContent.trim();
    return [numeric ? parseFloat(text.replaceAll(",", "")) : text, row];
  });
  const missing = key => numeric ? Number.isNaN(key) : key === "";
  keyed.sort(([a], [b]) => {
    if (missing(a) || missing(b)) return missing(a) - missing(b);  // to the end, either way
    return direction * (numeric ? a - b : a.localeCompare(b, "en", {numeric: true}));
  });
  body.append(...keyed.map(([, row]) => row));
}

// --- values: the mark of a chart that is nearest to the pointer says what it shows; arrow keys walk along.
const tip = document.getElementById("tip");
const REACH = 40;  // pixels

for (const picture of document.querySelectorAll(".picture")) {
  const marks = [...picture.querySelectorAll("title")].map(title => {
    const mark = {shape: title.parentNode, text: title.textContent.replaceAll("; ", "\n")};
    title.remove();  // the browser would show it a second time
    return mark;
  });
  let chosen = -1;

  const choose = index => {
    if (chosen >= 0) marks[chosen].shape.classList.remove("chosen");
    chosen = index;
    tip.hidden = index < 0;
    if (index < 0) return;
    const {shape, text} = marks[index];
    shape.classList.add("chosen");
    tip.textContent = text;
    const box = shape.getBoundingClientRect();
    const left = box.right + 12 + tip.offsetWidth > innerWidth ? box.left - 12 - tip.offsetWidth : box.right + 12;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${Math.max(4, Math.min(box.top, innerHeight - tip.offsetHeight - 4))}px`;
  };

  const nearest = (x, y) => {
    let best = -1, least = REACH;
    marks.forEach(({shape}, index) => {
      const box = shape.getBoundingClientRect();
      const beside = Math.max(box.left - x, 0, x - box.right), above = Math.max(box.top - y, 0, y - box.bottom);
      const inside = Math.hypot(x - (box.left + box.right) / 2, y - (box.top + box.bottom) / 2) / 1e4;
      const distance = Math.hypot(beside, above) + inside;
      if (distance < least) [best, least] = [index, distance];
    });
    return best;
  };

  picture.addEventListener("pointermove", event => choose(nearest(event.clientX, event.clientY)));
  picture.addEventListener("pointerleave", () => choose(-1));
  picture.addEventListener("blur", () => choose(-1));
  picture.addEventListener("keydown", event => {
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (event.key === "Escape") choose(-1);
    if (!step || !marks.length) return;
    event.preventDefault();
    choose((chosen + step + marks.length) % marks.length);
  });
}

// --- printing: paper cannot be clicked.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open])")) {
    details.open = true;
    details.dataset.closed = "";
  }
});
addEventListener("afterprint", () => {
  for (const details of document.querySelectorAll("details[data-closed]")) {
    details.open = false;
    delete details.dataset.closed;
  }
});
