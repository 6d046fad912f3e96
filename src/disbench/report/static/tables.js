function compare(first, second) {
  const [a, b] = [Number(first), Number(second)];
  return Number.isNaN(a) || Number.isNaN(b) ? first.localeCompare(second) : a - b;
}

/** Let the buttons in the head of a table sort its rows, by the `data-value` of a cell or by its text. */
export function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const valueOf = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();

  function sort(column) {
    const descending = heads[column].getAttribute("aria-sort") === "ascending";
    const sign = descending ? -1 : 1;
    const rows = [...body.rows].sort((a, b) => sign * compare(valueOf(a, column), valueOf(b, column)));
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
    body.append(...rows);
  }

  heads.forEach((head, column) => {
    head.querySelector("button")?.addEventListener("click", () => sort(column));
  });
}
