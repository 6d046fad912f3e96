"""Networks: encoders, decoders, the discriminator, and how they are kept on disk."""

from disbench.models.store import ModelError, load_decoder, load_encoder, save_model
from disbench.models.vae import Vae

__all__ = ["ModelError", "Vae", "load_decoder", "load_encoder", "save_model"]
