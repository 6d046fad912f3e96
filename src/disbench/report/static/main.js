import { startComparison } from "./comparison.js";
import { linkExplorers, startExplorer } from "./explorer.js";
import { drawPlots } from "./plots.js";
import { makeSortable } from "./tables.js";

linkExplorers([...document.querySelectorAll(".explorer")].map(startExplorer));
document.querySelectorAll("table.sortable").forEach(makeSortable);
drawPlots(document.querySelectorAll(".plot")).then(() => {
  const comparison = document.querySelector("#comparison");
  if (comparison) startComparison(comparison);
});
