"""Variable-length integers and messages of protocol buffers, as far as TensorFlow's bundles need them."""

_VARINT_BYTES = 10  # of 64 bits, seven a byte
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_SIZES = {_FIXED64: 8, _FIXED32: 4}


class BundleError(ValueError):
    """A bundle of variables is damaged, or holds what cannot be read."""


def read_varint(content: bytes, position: int) -> tuple[int, int]:
    """A number of at most 64 bits at a position, and the position after it."""
    value = 0
    for index, byte in enumerate(content[position : position + _VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, position + index + 1
    raise BundleError(f"damaged: expected a number at byte {position} of {len(content)}, found no end of it")


def read_span(content: bytes, position: int, size: int) -> tuple[bytes, int]:
    """`size` bytes at a position, and the position after them."""
    if size > len(content) - position:
        raise BundleError(f"damaged: expected {size:,} bytes at byte {position}, there are {len(content) - position}")
    return content[position : position + size], position + size


def read_message(content: bytes) -> dict[int, list[int | bytes]]:
    """Values of each field of a message, in the order in which they come: a number, or the bytes of what is nested."""
    fields: dict[int, list[int | bytes]] = {}
    position = 0
    while position < len(content):
        tag, position = read_varint(content, position)
        number, wire_type = tag >> 3, tag & 7
        value: int | bytes
        if wire_type == _VARINT:
            value, position = read_varint(content, position)
        elif wire_type == _BYTES:
            size, position = read_varint(content, position)
            value, position = read_span(content, position, size)
        elif wire_type in _SIZES:
            span, position = read_span(content, position, _SIZES[wire_type])
            value = int.from_bytes(span, "little")
        else:
            raise BundleError(f"damaged: a field of wire type {wire_type} at byte {position} of a message")
        fields.setdefault(number, []).append(value)
    return fields


def number_of(fields: dict[int, list[int | bytes]], field: int) -> int:
    """The last value of a numeric field, 0 if there is none."""
    value = fields.get(field, [0])[-1]
    if not isinstance(value, int):
        raise BundleError(f"damaged: expected a number in field {field} of a message, got {len(value)} bytes")
    return value


def messages_of(fields: dict[int, list[int | bytes]], field: int) -> list[dict[int, list[int | bytes]]]:
    """All values of a field that holds messages."""
    values = fields.get(field, [])
    if not all(isinstance(value, bytes) for value in values):
        raise BundleError(f"damaged: expected messages in field {field}, got a number")
    return [read_message(value) for value in values if isinstance(value, bytes)]
