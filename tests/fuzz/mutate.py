"""Mutated copies of valid files, and the limits within which a reader must refuse them."""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# `make fuzz` asks for many; the test suite makes the same few every time.
_ASKED = os.environ.get("DISBENCH_FUZZ_EXAMPLES")
NUM_EXAMPLES = int(_ASKED or 25)

HOSTILE_NUMBERS = [0, -1, 1, 2, 255, 256, 2**15, 2**31 - 1, -(2**31), 2**32, 2**40, 2**63 - 1, 2**64, 10**30, 0.5, -0.0]
HOSTILE_WORDS = ["", ".", "..", "../../outside", "/etc/passwd", "a:b", "<script>", "\x00", "é", "nan", "x" * 500]


def fuzz(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test of hypothesis as often as was asked for."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    chosen = settings(max_examples=NUM_EXAMPLES, deadline=10_000, derandomize=not _ASKED, suppress_health_check=checks)
    return chosen(test)


@st.composite
def mutated_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Content with up to four cuts, changes, insertions and repetitions."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(changed)))
        length = draw(st.sampled_from([1, 2, 4, 8, 64, 4096]))
        what = draw(st.sampled_from(["flip", "write", "insert", "remove", "repeat", "cut"]))
        if what == "flip" and start < len(changed):
            changed[start] ^= 1 << draw(st.integers(0, 7))
        elif what == "write":
            changed[start : start + length] = draw(st.binary(max_size=length))
        elif what == "insert":
            changed[start:start] = draw(st.binary(max_size=length))
        elif what == "remove":
            del changed[start : start + length]
        elif what == "repeat":
            changed[start:start] = changed[start : start + length]
        else:
            del changed[start:]
    return bytes(changed)


def hostile_values() -> st.SearchStrategy[Any]:
    """Values of JSON and YAML that a reader may not expect."""
    plain = st.one_of(
        st.none(), st.booleans(), st.sampled_from(HOSTILE_NUMBERS),  st.sampled_from(HOSTILE_WORDS),
        st.text(max_size=8),
    )  # fmt: skip
    names = st.text(max_size=4)
    nested = st.lists(plain, max_size=3) | st.dictionaries(names, plain, max_size=3)
    return plain | nested | st.lists(nested, max_size=2) | st.dictionaries(names, nested, max_size=2)


@st.composite
def mutated_tree(draw: st.DrawFn, tree: Any) -> Any:
    """A tree of dicts and lists in which one to three places were replaced, removed, renamed or added to."""
    for _ in range(draw(st.integers(1, 3))):
        tree = _mutate(draw, tree)
    return tree


def _mutate(draw: st.DrawFn, tree: Any) -> Any:
    if not isinstance(tree, dict | list) or not tree or draw(st.integers(0, 5)) == 0:
        return draw(hostile_values())
    items = dict(tree) if isinstance(tree, dict) else dict(enumerate(tree))
    key = draw(st.sampled_from(list(items)))
    what = draw(st.sampled_from(["deeper", "deeper", "deeper", "remove", "add"]))
    if what == "deeper":
        items[key] = _mutate(draw, items[key])
    elif what == "remove":
        del items[key]
    else:
        items[draw(st.text(max_size=6)) if isinstance(tree, dict) else len(items)] = draw(hostile_values())
    return items if isinstance(tree, dict) else list(items.values())
