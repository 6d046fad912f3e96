"""How well a model reconstructs a fixed sample of images."""

import torch

from disbench.models.reconstruction import Activation, ReconstructionName, reconstruction_loss
from disbench.models.vae import Vae
from disbench.training.images import Images

_BATCH_SIZE = 256
_ACTIVE_NATS = 0.01  # of KL divergence; a latent below says nothing about the image


@torch.inference_mode()
def assess(
    vae: Vae,
    images: Images,
    *,
    num: int,
    reconstruction: ReconstructionName,
    generator: torch.Generator,
    activation: Activation = "logits",
    subtract_entropy: bool = False,
) -> dict[str, float]:
    """Reconstruction, KL divergence and ELBO, in nats for an image.

    Parameters
    ----------
    num
        Images, drawn with replacement by the generator.

    Returns
    -------
    dict
        `reconstruction`, `kl`, `elbo`, `kl_latent_0`, ..., and `num_active_latents`, with a KL above 0.01 nats.
    """
    total_loss, total_kl = torch.zeros((), device=images.device), torch.zeros(vae.num_latents, device=images.device)
    for start in range(0, num, _BATCH_SIZE):
        x = images.draw(min(_BATCH_SIZE, num - start), generator)
        posterior = vae.encode(x)
        decoded = vae.decode(posterior.sample(generator).to(x.dtype))
        total_loss += reconstruction_loss(reconstruction, x.float(), decoded, activation, subtract_entropy).sum()
        total_kl += posterior.kl.sum(0)
    loss, kl = float(total_loss) / num, (total_kl / num).tolist()
    return {
        "reconstruction": loss,
        "kl": sum(kl),
        "elbo": -(loss + sum(kl)),
        "num_active_latents": float(sum(value > _ACTIVE_NATS for value in kl)),
        **{f"kl_latent_{index}": value for index, value in enumerate(kl)},
    }
