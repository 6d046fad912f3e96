import { readFloat16 } from "./float16.js";

const activations = {
  none: (values) => values,
  relu: (values) => {
    for (let i = 0; i < values.length; i++) if (values[i] < 0) values[i] = 0;
    return values;
  },
  tanh: (values) => {
    for (let i = 0; i < values.length; i++) values[i] = Math.tanh(values[i]);
    return values;
  },
};

/** Linear layer; weights (inputs, outputs). */
function linear(spec) {
  const { inputs, outputs } = spec;
  const weight = readFloat16(spec.weight);
  const bias = readFloat16(spec.bias);
  return (x) => {
    const y = bias.slice();
    for (let i = 0; i < inputs; i++) {
      const value = x[i];
      if (value === 0) continue;
      const row = i * outputs;
      for (let o = 0; o < outputs; o++) y[o] += value * weight[row + o];
    }
    return activations[spec.activation](y);
  };
}

/**
 * Transposed convolution, kernel 4, stride 2, padding 1: every input pixel paints a 4 x 4 patch.
 * Images are (height, width, channels), weights (channels in, 4, 4, channels out).
 */
function deconvolution(spec) {
  const { height, width, inputs, outputs } = spec;
  const weight = readFloat16(spec.weight);
  const bias = readFloat16(spec.bias);

  function paint(y, value, kernel, row, column) {
    for (let ky = 0; ky < 4; ky++) {
      const top = 2 * row + ky - 1;
      if (top < 0 || top >= 2 * height) continue;
      for (let kx = 0; kx < 4; kx++) {
        const left = 2 * column + kx - 1;
        if (left < 0 || left >= 2 * width) continue;
        const to = (top * 2 * width + left) * outputs;
        const from = kernel + (ky * 4 + kx) * outputs;
        for (let o = 0; o < outputs; o++) y[to + o] += value * weight[from + o];
      }
    }
  }

  return (x) => {
    const y = new Float32Array(4 * height * width * outputs);
    for (let i = 0; i < y.length; i++) y[i] = bias[i % outputs];
    let at = 0;
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        for (let channel = 0; channel < inputs; channel++, at++) {
          if (x[at] !== 0) paint(y, x[at], channel * 16 * outputs, row, column);
        }
      }
    }
    return activations[spec.activation](y);
  };
}

/** Function of a layer that the page embeds: Float32Array in, Float32Array out. */
export function makeLayer(spec) {
  return spec.kind === "linear" ? linear(spec) : deconvolution(spec);
}
