import { paintImage } from "./canvas.js";

const millisecondsAtOnce = 12;

/**
 * Filmstrips of whole traversals, each frame decoded when the page has time for it.
 * `strips` are { canvas, latent, low, high }; `paintAll(code)` drops what is still to be painted and begins anew;
 * `tell(busy)` hears whether something is still to be painted.
 */
export function makeFilmstrips(decoder, strips, numFrames, tell) {
  const gap = (strips[0].canvas.width - numFrames * decoder.width) / (numFrames - 1);
  let waiting = [];
  let scheduled = false;

  function work() {
    const start = performance.now();
    while (waiting.length && performance.now() - start < millisecondsAtOnce) waiting.shift()();
    scheduled = waiting.length > 0;
    if (scheduled) requestAnimationFrame(work);
    else tell(false);
  }

  function frame({ canvas, latent, low, high }, number, code) {
    const moved = Float32Array.from(code);
    moved[latent] = low + ((high - low) * number) / (numFrames - 1);
    paintImage(canvas, decoder, decoder.decode(moved), number * (decoder.width + gap));
  }

  return {
    paintAll(code) {
      const fixed = Float32Array.from(code);
      waiting = strips.flatMap((strip) =>
        Array.from({ length: numFrames }, (_, number) => () => frame(strip, number, fixed)),
      );
      if (!scheduled) {
        scheduled = true;
        tell(true);
        requestAnimationFrame(work);
      }
    },
  };
}
