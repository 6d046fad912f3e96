"""Image stores and representation tables: Zarr groups that describe themselves; nothing else imports zarr."""

from disbench.storage._arrays import StoreError, open_factors, read_attributes
from disbench.storage.image_writer import ImageWriter, create_dataset
from disbench.storage.images import ImageStore, open_dataset, unpack
from disbench.storage.remote import local_copy, read_remote_attributes
from disbench.storage.tables import open_table, write_table

__all__ = [
    "ImageStore",
    "ImageWriter",
    "StoreError",
    "create_dataset",
    "local_copy",
    "open_dataset",
    "open_factors",
    "open_table",
    "read_attributes",
    "read_remote_attributes",
    "unpack",
    "write_table",
]
