const dark = matchMedia("(prefers-color-scheme: dark)");

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Give a figure the colours and the type of the page. */
function dress(figure) {
  const [ink, faint] = [colour("--soft"), colour("--line")];
  figure.setv({ background_fill_color: null, border_fill_color: null, outline_line_color: null });
  for (const axis of [...figure.below, ...figure.left]) {
    axis.setv({
      axis_label_text_color: ink, axis_label_text_font_style: "normal", major_label_text_color: ink,
      axis_line_color: faint, major_tick_line_color: faint, minor_tick_line_color: null,
    });
  }
  for (const part of [...figure.center, ...figure.above]) {
    if (part.type === "Grid") part.setv({ grid_line_color: faint });
    if (part.type === "Legend") {
      part.setv({ label_text_color: ink, background_fill_color: null, border_line_color: null, padding: 0 });
    }
  }
}

function dressAll() {
  for (const document of Bokeh.documents) document.roots().forEach(dress);
}

/** Draw the figure that `place` holds as JSON. */
async function draw(place) {
  const item = JSON.parse(place.querySelector("script").textContent);
  await Bokeh.embed.embed_item(item, place);
}

/** Draw all figures of the page, in the colours of the reader's scheme. */
export async function drawPlots(places) {
  await Promise.all([...places].map(draw));
  dressAll();
  dark.addEventListener("change", dressAll);
}
