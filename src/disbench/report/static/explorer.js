import { paintImage } from "./canvas.js";
import { makeDecoder } from "./decoder.js";
import { makeFilmstrips } from "./filmstrips.js";

/** The explorer in `root`: sliders, images to begin with, and the decoded image that follows; returns its handles. */
export function startExplorer(root) {
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const decoder = makeDecoder(data.decoder);
  const sliders = [...root.querySelectorAll("input[type=range]")];
  const bases = [...root.querySelectorAll("input[type=radio]")];
  const original = root.querySelector(".original");
  const canvas = root.querySelector(".decoded");
  const strips = sliders.map((slider) => ({
    canvas: slider.closest(".latent").querySelector("canvas"),
    latent: Number(slider.dataset.latent),
    low: Number(slider.min),
    high: Number(slider.max),
  }));
  const films = makeFilmstrips(decoder, strips, data.numFrames, (busy) => root.setAttribute("aria-busy", busy));
  let code = [];
  let pending = false;

  function show(slider) {
    const value = Number(slider.value);
    slider.closest(".latent").querySelector("output").textContent = value.toFixed(2).replace("-", "−");
  }

  function paint() {
    pending = false;
    paintImage(canvas, decoder, decoder.decode(code));
  }

  function paintSoon() {
    if (!pending) requestAnimationFrame(paint);
    pending = true;
  }

  function begin() {
    const number = bases.findIndex((base) => base.checked);
    code = [...data.codes[number]];
    original.src = bases[number].nextElementSibling.src;
    original.alt = `Original: ${bases[number].nextElementSibling.alt}`;
    for (const slider of sliders) {
      slider.value = code[Number(slider.dataset.latent)];
      show(slider);
    }
    paintSoon();
    films.paintAll(code);
  }

  for (const slider of sliders) {
    slider.addEventListener("input", () => {
      code[Number(slider.dataset.latent)] = Number(slider.value);
      show(slider);
      paintSoon();
    });
    slider.addEventListener("change", () => films.paintAll(code));
  }
  for (const base of bases) base.addEventListener("change", begin);
  root.querySelector(".reset").addEventListener("click", begin);
  begin();
  return { bases, begin, group: root.dataset.group };
}

/** Let explorers of the same data begin with the same image. */
export function linkExplorers(explorers) {
  for (const chosen of explorers) {
    const others = explorers.filter((other) => other !== chosen && other.group === chosen.group);
    chosen.bases.forEach((base, number) =>
      base.addEventListener("change", () => {
        for (const other of others) {
          other.bases[number].checked = true;
          other.begin();
        }
      }),
    );
  }
}
