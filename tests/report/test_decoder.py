"""The decoder of the page gives what torch gives."""

import json

import numpy as np
import pytest
import torch

from disbench.models.decoders import ConvDecoder, FullyConnectedDecoder
from disbench.report.decoder import embed_decoder
from disbench.report.examples import pixels
from disbench.report.page import join_modules

DECODE = (
    join_modules(("float16", "layers", "decoder"))
    + """
const [spec, codes] = arguments;
const { decode } = makeDecoder(spec);
return codes.map((code) => [...decode(code)]);
"""
)


def decoder_of(make, image_shape, num_latents=6):
    """A decoder whose logits are as far apart as those of a trained one."""
    decoder = make(image_shape, num_latents, torch.Generator().manual_seed(1))
    with torch.no_grad():
        for name, parameter in decoder.named_parameters():
            if name.endswith("bias"):
                parameter.uniform_(-0.1, 0.1, generator=torch.Generator().manual_seed(2))
        z = torch.randn((64, num_latents), generator=torch.Generator().manual_seed(3))
        last = list(decoder.parameters())[-2]
        last *= 4 / decoder(z).std()
    return decoder


@pytest.mark.parametrize(
    ("make", "image_shape", "activation"),
    [
        (ConvDecoder, (64, 64, 1), "logits"),
        (ConvDecoder, (32, 48, 3), "tanh"),
        (ConvDecoder, (16, 16, 1), "logits"),
        (FullyConnectedDecoder, (20, 12, 3), "logits"),
        (FullyConnectedDecoder, (16, 16, 1), "tanh"),
    ],
)
def test_pixels_are_within_a_255th_of_those_of_torch(browser, make, image_shape, activation):
    decoder = decoder_of(make, image_shape)
    codes = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    decoded = browser.execute_script(DECODE, embed_decoder(decoder, activation), codes.tolist())
    with torch.inference_mode():
        expected = pixels(decoder(torch.from_numpy(codes)), activation).permute(0, 2, 3, 1).numpy()
    assert expected.std() > 0.2
    assert np.abs(np.reshape(decoded, expected.shape) - expected).max() <= 1 / 255


def test_the_page_of_a_convolutional_run_is_under_8_megabytes(page):
    largest = json.dumps(embed_decoder(ConvDecoder((64, 64, 3), 10, torch.Generator()), "logits"))
    assert page.stat().st_size + len(largest) < 8e6


def test_weights_beyond_float16_are_refused():
    decoder = ConvDecoder((16, 16, 1), 2, torch.Generator())
    with torch.no_grad():
        decoder.hidden1.weight[0, 0] = 1e6
    with pytest.raises(ValueError, match="within the range of float16"):
        embed_decoder(decoder, "logits")
