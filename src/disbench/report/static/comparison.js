/** Points of two columns; texts stand at whole numbers, a little apart from each other. */
function axisOf(cells) {
  if (cells.every((cell) => cell === null || typeof cell === "number")) return { values: cells, labels: null };
  const labels = [...new Set(cells)].sort();
  const apart = (row) => (((row * 0.618034) % 1) - 0.5) * 0.3;
  return { values: cells.map((cell, row) => labels.indexOf(cell) + apart(row)), labels };
}

/** Give an axis of a figure its title, and its labels where the column has texts. */
function nameAxis(axis, title, labels) {
  axis.axis_label = title;
  if (labels) {
    axis.ticker = new (Bokeh.Models.get("FixedTicker"))({ ticks: labels.map((_, number) => number) });
    axis.major_label_overrides = new Map(labels.map((label, number) => [number, String(label)]));
  } else {
    axis.ticker = new (Bokeh.Models.get("BasicTicker"))();
    axis.major_label_overrides = new Map();
  }
}

/** Filters, table and scatter plot of several runs, once its figure is drawn. */
export function startComparison(root) {
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const filters = [...root.querySelectorAll("select[data-filter]")];
  const [across, up] = ["across", "up"].map((axis) => root.querySelector(`select[data-axis=${axis}]`));
  const figure = Bokeh.documents.flatMap((document) => document.roots())[0];
  const source = figure.renderers[0].data_source;

  function passes(row) {
    return filters.every(({ value, dataset }) => !value || String(data.columns[dataset.filter][row]) === value);
  }

  function update() {
    const [x, y] = [across, up].map((select) => axisOf(data.columns[select.value]));
    const shown = data.names.map((_, row) => row).filter(passes);
    const drawn = shown.filter((row) => x.values[row] !== null && y.values[row] !== null);
    const pick = (cells) => drawn.map((row) => cells[row]);
    const texts = (select) => pick(data.columns[select.value]).map(String);
    source.data = { x: pick(x.values), y: pick(y.values), name: pick(data.names), across: texts(across), up: texts(up) };
    nameAxis(figure.below[0], data.titles[across.value], x.labels);
    nameAxis(figure.left[0], data.titles[up.value], y.labels);
    for (const row of root.querySelectorAll("tr[data-row]")) row.hidden = !passes(Number(row.dataset.row));
    const count = root.querySelector(".count");
    if (count) count.textContent = `${shown.length} of ${data.names.length} shown`;
  }

  for (const select of [...filters, across, up]) select.addEventListener("change", update);
  update();
}
