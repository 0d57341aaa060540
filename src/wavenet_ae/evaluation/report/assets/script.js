"use strict";

// Tables: a click on a heading sorts by its column, upwards, then downwards, then as it was.
// What is equal stays in its order, so that models sorted last stay together.
const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

function ordered(rows, column, isNumber, direction) {
  const sign = direction === "ascending" ? 1 : -1;
  const value = (row) => row.cells[column].dataset.value;
  const compare = isNumber
    ? (a, b) => Number(a) - Number(b)
    : (a, b) => a.localeCompare(b, "en", { numeric: true });
  return [...rows].sort((left, right) => {
    const [a, b] = [value(left), value(right)];
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return sign * compare(a, b);
  });
}

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const direction = NEXT[heading.ariaSort];
      for (const each of headings) each.ariaSort = "none";
      heading.ariaSort = direction;
      const isNumber = heading.classList.contains("number");
      const rows = direction === "none" ? original : ordered(body.rows, column, isNumber, direction);
      body.append(...rows);
    });
  });
}

// Sounds: one at a time.
document.addEventListener(
  "play",
  (event) => {
    for (const each of document.querySelectorAll("audio")) if (each !== event.target) each.pause();
  },
  true,
);

// Paper has no closed details.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const each of opened) each.open = true;
});
addEventListener("afterprint", () => {
  for (const each of opened) each.open = false;
});
