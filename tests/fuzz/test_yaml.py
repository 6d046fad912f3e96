"""YAML of any shape in place of a value: tags that would make objects, aliases that multiply, nesting, long scalars."""

import sys
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import ROOT
from tests.fuzz.mutate import HOSTILE_WORDS, fuzz

from disbench import params
from disbench.study import schema

PARAMS = (ROOT / "params.yaml").read_bytes()
STUDY = (
    b"name: NAME\ndatasets: [toy]\nobjectives: {beta_vae: {beta: [1, 4]}}\nseeds: 2\nmetrics: {mig: {num_bins: 5}}\n"
)
PLACES = {
    "params": [b"dsprites_full", b"beta_vae", b"300000", b"0.0001"],
    "study": [b"NAME", b"[toy]", b"[1, 4]", b"5"],
}
CALLED = ["os.system", "subprocess.Popen", "builtins.eval", "builtins.open", "this.s", "sys.exit"]

kinds = st.sampled_from(["object/apply", "object/new", "object", "name", "module", "tuple", "complex", "bytes", "str"])
own_tags = st.builds("!!python/{}:{}".format, kinds, st.sampled_from(CALLED))
tags = own_tags | st.sampled_from(
    ["!!binary", "!!set", "!!omap", "!!pairs", "!!timestamp", "!!int", "!!float", "!!bool", "!!merge", "!!map", "!own",
     "!<tag:yaml.org,2002:python/object/apply:os.system>"]
)  # fmt: skip
scalars = st.sampled_from(
    ["[echo hacked]", "hacked", "2001-99-99", "2001-01-01", "1:59:59", "0x7fffffffffffffffffffff", "1_0", ".inf", "~",
     "aGk=", "[[a, 1], [b, 2]]", "{a: 1}", "? [1]", "{? {a: 1} : 2}", "<<: 1", "{<<: [{a: 1}, {b: 2}]}", "=", "''"]
) | st.sampled_from([word for word in HOSTILE_WORDS if "\x00" not in word])  # fmt: skip


@st.composite
def bombs(draw: st.DrawFn) -> str:
    """Levels of aliases, each several times the one before; lists, mappings or merges."""
    levels, times = draw(st.integers(1, 30)), draw(st.integers(1, 9))
    shape = draw(st.sampled_from(["[{}]", "{{a: [{}]}}", "{{<<: [{}]}}"]))
    first = "{x: 1}" if "<<" in shape else "[1]"
    parts = [f"&a0 {first}"]
    parts += [f"&a{n} " + shape.format(", ".join([f"*a{n - 1}"] * times)) for n in range(1, levels)]
    return "[" + ", ".join(parts) + "]"


nested = st.builds(
    lambda opened, depth: opened * depth, st.sampled_from(["[", "{a: ", "- ", "? "]), st.integers(1, 300)
)
long = st.builds(lambda digit, num: digit * num, st.sampled_from(["9", "1:", "é", "1_", "-"]), st.integers(1, 6000))
recursive = st.sampled_from(["&a [*a]", "&a {b: *a}", "&a {<<: *a}", "&a [1, *a, *b]", "*a", "&a [&b [*a], *b]"])
values = st.builds("{} {}".format, tags, scalars) | scalars | bombs() | nested | long | recursive


def read(path: Path, what: str, content: bytes) -> None:
    path.write_bytes(content)
    try:
        if what == "study":
            study = schema.load(str(path))
            study.run(study.num_runs - 1).describe()
        else:
            params.check(path, ["mig"], path.with_name("no.zarr"))
    except (ValueError, OSError) as error:
        assert str(path) in str(error)  # noqa: PT017
        assert len(str(error)) < 50_000  # noqa: PT017


@pytest.mark.parametrize("what", PLACES)
@fuzz(share=2)
@given(data=st.data())
def test_any_yaml_in_place_of_a_value(tmp_path: Path, what: str, data: st.DataObject) -> None:
    content = {"params": PARAMS, "study": STUDY}[what]
    value = data.draw(values).encode("utf-8", "surrogatepass")
    with mock.patch("os.system") as system, mock.patch("subprocess.Popen") as popen:
        read(tmp_path / "a.yaml", what, content.replace(data.draw(st.sampled_from(PLACES[what])), value, 1))
    system.assert_not_called()
    popen.assert_not_called()
    assert "this" not in sys.modules
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


@pytest.mark.parametrize("what", PLACES)
@fuzz
@given(value=values)
def test_any_yaml_as_a_whole_file(tmp_path: Path, what: str, value: str) -> None:
    read(tmp_path / "a.yaml", what, value.encode("utf-8", "surrogatepass"))
