/** Paint an image (height, width, channels) in [0, 1] on a canvas, `left` pixels from its left edge. */
export function paintImage(canvas, { height, width, channels }, pixels, left = 0) {
  const image = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) {
      image.data[4 * i + c] = Math.round(255 * pixels[i * channels + (channels === 1 ? 0 : c)]);
    }
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, left, 0);
}
