"""What a store must say of itself before its arrays are read; a stranger's may say anything."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from disbench.factors import FactorSpace


class SpaceAttributes(BaseModel):
    """The grid of factors."""

    model_config = ConfigDict(strict=True)

    names: list[str]
    sizes: list[PositiveInt]
    nuisance: list[str]


class StoreAttributes(BaseModel):
    """What image stores and tables have in common."""

    model_config = ConfigDict(strict=True)

    format: str
    format_version: int
    space: SpaceAttributes
    arrays: dict[str, str]


class ImageAttributes(StoreAttributes):
    """What an image store says besides."""

    image_shape: list[PositiveInt]
    binary: bool
    num_images: PositiveInt
    checksum: str
    convert_arguments: list[str] = []


class TableAttributes(StoreAttributes):
    """What a table says besides."""

    kind: Literal["mean", "sampled"]
    num_latents: PositiveInt


def check_attributes(attributes: Mapping[str, Any], schema: type[StoreAttributes]) -> FactorSpace:
    """Grid of factors of a store whose attributes are what its format asks for.

    Raises
    ------
    ValueError
        With the first attribute that is missing or of another type.
    """
    try:
        schema.model_validate(dict(attributes))
    except ValidationError as error:
        mistake = error.errors()[0]
        raise ValueError(f"attribute {'.'.join(map(str, mistake['loc']))}: {mistake['msg']}") from None
    outside = [name for name in attributes["arrays"] if not name.isidentifier()]
    if outside:
        raise ValueError(f"arrays called {outside!r}, which no store of disbench has")
    return space_from_json(attributes)


def space_from_json(attributes: Mapping[str, Any]) -> FactorSpace:
    """Return the grid that the attributes describe."""
    space = attributes["space"]
    return FactorSpace(tuple(space["names"]), tuple(space["sizes"]), tuple(space["nuisance"]))
