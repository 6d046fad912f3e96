import { startExplorer } from "./explorer.js";
import { drawPlots } from "./plots.js";
import { makeSortable } from "./tables.js";

document.querySelectorAll(".explorer").forEach(startExplorer);
document.querySelectorAll("table.sortable").forEach(makeSortable);
drawPlots(document.querySelectorAll(".plot"));
