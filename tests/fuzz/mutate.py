"""Mutated copies of valid files, and the limits within which a reader must refuse them."""

import os
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# `make fuzz` asks for many; the test suite makes the same few every time.
_ASKED = os.environ.get("DISBENCH_FUZZ_EXAMPLES")
NUM_EXAMPLES = int(_ASKED or 25)

HOSTILE_NUMBERS = [0, -1, 1, 2, 255, 256, 2**15, 2**31 - 1, -(2**31), 2**32, 2**40, 2**63 - 1, 2**64, 10**30, 0.5, -0.0]
HOSTILE_WORDS = ["", ".", "..", "../../outside", "/etc/passwd", "a:b", "<script>", "\x00", "é", "nan", "x" * 500]


executions: Counter[str] = Counter()
"""How often the body of each test ran to its end; what hypothesis gave up on is not counted."""


def fuzz(test: Callable[..., None] | None = None, *, share: float = 1.0) -> Callable[..., Any]:
    """Run a test of hypothesis as often as was asked for, or a share of that where a single execution takes long."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        test.hypothesis.inner_test = _counted(test.hypothesis.inner_test)  # type: ignore[attr-defined]
        checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
        chosen = settings(
            max_examples=max(1, int(share * NUM_EXAMPLES)), deadline=10_000, derandomize=not _ASKED,
            suppress_health_check=checks,
        )  # fmt: skip
        return chosen(test)

    return decorate if test is None else decorate(test)


def _counted(test: Callable[..., None]) -> Callable[..., None]:
    name = f"{test.__module__.rpartition('.')[2]}.{test.__name__}"

    @wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        test(*arguments, **named)
        executions[name] += 1

    return run


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
