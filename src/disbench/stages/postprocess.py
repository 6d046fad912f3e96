"""Postprocess: every image through the encoder once, into a table."""

from pathlib import Path

from disbench import params, storage
from disbench.models import load_encoder
from disbench.models.store import read_description
from disbench.progress import progress
from disbench.table import RepresentationTable
from disbench.training.devices import choose_device, choose_dtype
from disbench.training.encode import encode_all
from disbench.training.load import load_images, observed_space
from disbench.training.memory import keep_freed_memory


def postprocess(*, params_path: Path, store_path: Path, model: Path, table_path: Path) -> None:
    """Encode all images of a store and write the table of their posteriors.

    Where observations are random, they are drawn once, from the seed of the run.
    """
    keep_freed_memory()
    parameters = params.read(params_path)
    settings, num_observations = parameters.train, parameters.postprocess.num_observations
    device = choose_device(settings.device)
    dtype = choose_dtype(settings.precision, device)
    store = storage.open_dataset(store_path)
    encoder = load_encoder(model).to(device)
    space = observed_space(store, num_observations)
    images = load_images(
        store,
        device=device,
        dtype=dtype,
        seed=settings.seed,
        num_bytes=settings.image_bytes,
        num_observations=num_observations,
    )
    with progress(len(images), "encode", "images") as advance:
        mean, log_variance = encode_all(encoder, images, advance=advance)
    storage.write_table(
        table_path,
        RepresentationTable(space, mean, log_variance),
        {
            "encoder": read_description(model)["weights"]["encoder"],
            "dataset_checksum": store.checksum,
            "precision": str(dtype).removeprefix("torch."),
        },
    )
