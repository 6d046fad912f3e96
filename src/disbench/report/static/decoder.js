import { makeLayer } from "./layers.js";

const pixelOf = {
  logits: (value) => 1 / (1 + Math.exp(-value)),
  tanh: (value) => 0.5 * Math.tanh(value) + 0.5,
};

/**
 * The decoder of a run: `decode(code)` gives an image (height, width, channels) in [0, 1].
 * Its weights are unpacked when it is first called.
 */
export function makeDecoder(spec) {
  const { height, width, channels } = spec;
  const toPixel = pixelOf[spec.activation];
  let layers = null;
  const decode = (code) => {
    layers ??= spec.layers.map(makeLayer);
    const values = layers.reduce((x, layer) => layer(x), Float32Array.from(code));
    return values.map(toPixel);
  };
  return { height, width, channels, decode };
}
