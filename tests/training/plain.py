"""Training written out in double precision from the papers' equations, with nothing of the package but weights' names.

It stands in for the reference where no number of the reference is at hand: other objectives, channels, batch sizes.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

Weights = dict[str, Tensor]
Regulariser = Callable[[Tensor, Tensor, Tensor, int], Tensor]
Reconstruction = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(x: Tensor, logits: Tensor) -> Tensor:
    """Of each pixel."""
    return -(x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits))


def train(
    start: Mapping[str, Tensor],
    regulariser: Regulariser,
    images: list[Tensor],
    noise: list[Tensor],
    permutations: list[Tensor] | None = None,
    *,
    others: list[tuple[Tensor, Tensor]] | None = None,
    reconstruct: Reconstruction = cross_entropy,
    epsilon_hat: bool = True,
) -> tuple[Weights, list[float]]:
    """Weights after one Adam step for each batch, and the losses before each; names as in `Vae.state_dict`.

    With `permutations`, weights whose names start with `discriminator` learn to tell codes from permuted ones: those of
    the same images, or of `others` with their noise. `reconstruct` gives the error of each pixel.
    """
    weights = {name: value.detach().double().requires_grad_() for name, value in start.items()}
    rivals = [name for name in weights if name.startswith("discriminator")]
    own = [name for name in weights if name not in rivals]
    moments = {name: (torch.zeros_like(value), torch.zeros_like(value)) for name, value in weights.items()}
    losses = []
    for step, (x, eps) in enumerate(zip(images, noise, strict=True)):
        x, eps = x.double(), eps.double()
        mean, log_variance = encode(weights, x)
        z = mean + (log_variance / 2).exp() * eps
        logits = decode(weights, z, x.shape)
        reconstruction = reconstruct(x, logits).flatten(1).sum(1).mean()
        extra = density_ratio(weights, z) if rivals else torch.zeros(())
        loss = reconstruction + regulariser(mean, log_variance, z, step) + 10 * extra
        gradients = dict(zip(own, torch.autograd.grad(loss, [weights[name] for name in own]), strict=True))
        if rivals and permutations:
            own_z = z.detach()
            other_z = _sample(weights, *others[step]).detach() if others else own_z
            shuffled = torch.stack([other_z[order, j] for j, order in enumerate(permutations[step])], 1)
            rival_loss = -0.5 * (
                discriminate(weights, own_z).log_softmax(1)[:, 0].mean()
                + discriminate(weights, shuffled).log_softmax(1)[:, 1].mean()
            )
            gradients |= zip(rivals, torch.autograd.grad(rival_loss, [weights[name] for name in rivals]), strict=True)
        with torch.no_grad():
            for name, gradient in gradients.items():
                first, second = (0.5, 0.9) if name in rivals else (0.9, 0.999)
                m, v = moments[name]
                m.copy_(first * m + (1 - first) * gradient)
                v.copy_(second * v + (1 - second) * gradient**2)
                correction = (1 - second ** (step + 1)) ** 0.5
                epsilon = 1e-8 if epsilon_hat else 1e-8 * correction
                weights[name] -= 1e-4 * correction / (1 - first ** (step + 1)) * m / (v.sqrt() + epsilon)
        losses.append(loss.item())
    return weights, losses


def _sample(w: Weights, x: Tensor, eps: Tensor) -> Tensor:
    mean, log_variance = encode(w, x.double())
    return mean + (log_variance / 2).exp() * eps.double()


def encode(w: Weights, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log-variance."""
    if "encoder.conv1.weight" in w:
        for name, padding in (("conv1", 1), ("conv2", 1), ("conv3", 0), ("conv4", 0)):
            layer = f"encoder.{name}"
            x = F.conv2d(x, w[f"{layer}.weight"], w[f"{layer}.bias"], stride=2, padding=padding).relu()
        x = _dense(w, "encoder.hidden", x.flatten(1)).relu()
    else:
        x = _dense(w, "encoder.hidden2", _dense(w, "encoder.hidden1", x.flatten(1)).relu()).relu()
    return _dense(w, "encoder.mean", x), _dense(w, "encoder.log_variance", x)


def decode(w: Weights, z: Tensor, shape: torch.Size) -> Tensor:
    """Logits of the shape of the images."""
    if "decoder.deconv1.weight" not in w:
        for index in (1, 2, 3):
            z = _dense(w, f"decoder.hidden{index}", z).tanh()
        return _dense(w, "decoder.logits", z).view(shape)
    x = _dense(w, "decoder.hidden2", _dense(w, "decoder.hidden1", z).relu()).relu()
    x = x.view(-1, 64, shape[2] // 16, shape[3] // 16)
    for index in (1, 2, 3, 4):
        layer = f"decoder.deconv{index}"
        x = F.conv_transpose2d(x, w[f"{layer}.weight"], w[f"{layer}.bias"], stride=2, padding=1)
        x = x.relu() if index < 4 else x
    return x


def discriminate(w: Weights, z: Tensor) -> Tensor:
    """Logits of 'as it was' and 'permuted'."""
    for index in range(6):
        z = F.leaky_relu(_dense(w, f"discriminator.layers.{index}", z), 0.2)
    return _dense(w, "discriminator.logits", z)


def density_ratio(w: Weights, z: Tensor) -> Tensor:
    """FactorVAE's estimate of the total correlation."""
    logits = discriminate(w, z)
    return (logits[:, 0] - logits[:, 1]).mean()


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence from the standard normal."""
    return 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(1).mean()


def total_correlation(mean: Tensor, log_variance: Tensor, z: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sum over the batch instead of the data set, with weights[j, i] of image i in the density of code j, or 1."""
    normal = torch.distributions.Normal(mean[None], (log_variance / 2).exp()[None])
    densities = normal.log_prob(z[:, None])
    logs = torch.zeros(len(z), len(z)) if weights is None else weights.log()
    joint = (densities.sum(2) + logs).logsumexp(1)
    return (joint - (densities + logs[..., None]).logsumexp(1).sum(1)).mean()


def distance_from_identity(matrix: Tensor, off_diagonal: float, diagonal: float) -> Tensor:
    """Weighted squares."""
    identity = torch.eye(len(matrix), dtype=matrix.dtype)
    squares = (matrix - identity) ** 2
    return (squares * (off_diagonal * (1 - identity) + diagonal * identity)).sum()


def _dense(w: Weights, layer: str, x: Tensor) -> Tensor:
    return x @ w[f"{layer}.weight"].T + w[f"{layer}.bias"]
