"""Archives in the layout of those that the reference published, whole and damaged."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import disbench
from disbench import storage
from disbench.cli import app
from disbench.datasets._dataset import Block, Dataset
from disbench.datasets._dsprites import IMAGE_SHAPE
from disbench.datasets._sprites import render
from disbench.factors import FactorSpace
from disbench.models import Vae
from disbench.pretrained.archive import ArchiveError
from disbench.pretrained.importer import import_pretrained
from disbench.stages.convert import convert_dataset
from tests import ROOT
from tests.pretrained.bundle_writer import write_bundle
from tests.training.replay import tensorflow_weights

GOLDEN = ROOT / "tests" / "golden" / "pretrained"
ARCHIVE = GOLDEN / "0.zip"
VARIABLES = "model/tfhub/variables/variables"
runner = CliRunner()


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imported")
    result = runner.invoke(app, ["import-pretrained", str(ARCHIVE), "--out", str(folder)])
    assert result.exit_code == 0, result.output
    assert f"{folder}: encoder and decoder of 0.zip, with 18 recorded evaluations" in result.output
    return folder


def members():
    with zipfile.ZipFile(ARCHIVE) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(path, contents, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def weights_of(folder: Path) -> list[bytes]:
    return [(folder / f"{part}.safetensors").read_bytes() for part in ("encoder", "decoder")]


def test_outputs_are_those_of_the_published_module(imported):
    with np.load(GOLDEN / "outputs.npz") as arrays:
        expected = dict(arrays)
    images = np.unpackbits(expected["images"], axis=-1)[:, None].astype(np.float32)
    with torch.no_grad():
        mean, log_variance = disbench.load_encoder(imported)(torch.from_numpy(images))
        logits = disbench.load_decoder(imported)(torch.from_numpy(expected["latents"]))
    for ours, name in ((mean, "mean"), (log_variance, "log_variance"), (logits.permute(0, 2, 3, 1), "logits")):
        np.testing.assert_allclose(ours, expected[name], rtol=0, atol=2e-5, err_msg=name)


def test_what_was_recorded_is_kept(imported):
    recorded = json.loads((imported / "recorded.json").read_text())
    assert recorded["training"]["config"]["model.training_steps"] == "800"
    assert recorded["training"]["results"]["elbo"] == -214.2527313232422
    assert recorded["scores"].keys() == {"mean", "sampled"}
    assert recorded["scores"]["mean"]["mig"]["discrete_mig"] == 0.10389140667983073
    description = json.loads((imported / "model.json").read_text())["description"]
    assert (description["dataset"], description["objective"]) == ("dsprites_full", "beta_vae")
    assert description["imported"]["archive"] == "0.zip"


def test_stages_run_on_it_as_on_our_own(imported, tmp_path):
    """Images of dSprites, of fewer positions and angles."""
    space = FactorSpace(("shape", "scale", "orientation", "position_x", "position_y"), (3, 2, 2, 4, 4))
    rows = np.arange(space.num_states)
    images = render(space.states(rows) * [1, 5, 10, 10, 10])
    dataset = Dataset(space, IMAGE_SHAPE, lambda raw: iter([Block(rows, images)]), "Rendered.", binary=True, raw=False)
    convert_dataset(dataset, "few_sprites", tmp_path / "few.zarr")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["train"]["precision"] = "float32"
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    settings = ["--params", str(tmp_path / "params.yaml"), "--table", str(tmp_path / "table.zarr")]
    inputs = ["--dataset", str(tmp_path / "few.zarr"), "--model", str(imported)]
    assert runner.invoke(app, ["postprocess", *settings, *inputs]).exit_code == 0
    scored = runner.invoke(app, ["evaluate", "mig", *settings, "--scores", str(tmp_path / "mig.json")])
    assert scored.exit_code == 0
    table = storage.open_table(tmp_path / "table.zarr")
    x = np.unpackbits(images, axis=-1)[:, None].astype(np.float32)
    with torch.no_grad():
        expected = disbench.load_encoder(imported)(torch.from_numpy(x))[0].numpy()
    np.testing.assert_allclose(table.mean, expected, atol=1e-5)
    assert 0 < json.loads((tmp_path / "mig.json").read_text())["discrete_mig"] < 1


@pytest.mark.parametrize("root", ["", "4711/", "a/b/"])
def test_the_folder_around_a_model_does_not_matter(imported, tmp_path, root):
    moved = {root + name.removeprefix("0/"): content for name, content in members().items()}
    recorded = import_pretrained(zipped(tmp_path / "x.zip", moved), tmp_path / "out")
    assert weights_of(tmp_path / "out") == weights_of(imported)
    assert recorded == json.loads((imported / "recorded.json").read_text())


def test_other_members_are_ignored_and_nothing_is_unpacked(imported, tmp_path):
    others = {
        "0/model/tfhub/saved_model.pb": b"\xff" * 99,
        "0/model/tfhub/tfhub_module.pb": b"\x08\x03",
        "0/model/tf_checkpoint/model.ckpt-300000.index": b"other",
        "0/model/events.out.tfevents.1": b"other",
        "0/postprocessed/mean/tfhub/variables/variables.index": b"other",
        "0/metrics/mean/mig/results/gin/evil.gin": b"import os; os.abort()",
        "../evil.txt": b"evil",
        "/tmp/evil.txt": b"evil",  # noqa: S108
    }
    import_pretrained(zipped(tmp_path / "x.zip", members() | others), tmp_path / "in" / "out")
    assert weights_of(tmp_path / "in" / "out") == weights_of(imported)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "decoder.safetensors", "encoder.safetensors", "model.json", "recorded.json", "x.zip",
    ]  # fmt: skip


@pytest.mark.parametrize(("architecture", "num_channels"), [("fc", 1), ("conv", 3)])
def test_other_networks_and_several_files_of_data(tmp_path, architecture, num_channels):
    vae = Vae(architecture, (64, 64, num_channels), 2, torch.Generator().manual_seed(0))
    variables = tensorflow_weights(vae.encoder, vae.decoder)
    index, shards = write_bundle(variables, num_shards=2)
    contents = {f"{VARIABLES}.index": index}
    contents |= {f"{VARIABLES}.data-{number:05d}-of-00002": shard for number, shard in enumerate(shards)}
    archive = zipped(tmp_path / "x.zip", contents, zipfile.ZIP_STORED)
    recorded = import_pretrained(archive, tmp_path / "out")
    assert recorded == {"training": {"config": {}, "results": {}}, "scores": {}}
    for part, load in (("encoder", disbench.load_encoder), ("decoder", disbench.load_decoder)):
        for name, value in load(tmp_path / "out").state_dict().items():
            torch.testing.assert_close(value, vae.get_submodule(part).state_dict()[name], rtol=0, atol=0)


def without(ending):
    return {name: content for name, content in members().items() if not name.endswith(ending)}


def bundle_of(**shapes):
    index, shards = write_bundle({name: np.ones(shape, np.float32) for name, shape in shapes.items()})
    return {f"{VARIABLES}.index": index, f"{VARIABLES}.data-00000-of-00001": shards[0]}


def networks_of(num_channels):
    return bundle_of(**{"encoder/e1/kernel": (4, 4, num_channels, 32), "encoder/means/kernel": (256, 3)})


CONFIG = "0/model/results/json/train_config.json"


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({}, "expected one member that ends in model/tfhub/variables/variables.index; got 0"),
        (without("variables/variables.index"), "got 0. This is not an archive of one trained model"),
        (members() | {"1/" + VARIABLES + ".index": b""}, "got 2"),
        (without(".data-00000-of-00001"), "expected one member called .*data-00000-of-00001; got 0"),
        (members() | {f"0/{VARIABLES}.index": b"no table"}, "do not end as the index of a bundle does"),
        (members() | {f"0/{VARIABLES}.index": bytes(2 << 20)}, "unpacks to 2,097,152 bytes; expected at most 1,048"),
        (members() | {CONFIG: b"{"}, "train_config.json: not readable as JSON"),
        (members() | {CONFIG: b"[1]"}, "expected a mapping; got list"),
        (members() | {CONFIG: b"[" * 100_000}, "not readable as JSON"),
        (bundle_of(), "expected the variables of conv_encoder or fc_encoder; got none"),
        (bundle_of(x=(2,)), r"fc_encoder; got x \(2,\)"),
        (networks_of(2), "expected images of 1 or 3 channels"),
        (networks_of(1), "no variable called 'encoder/e1/bias'"),
    ],
)
def test_archives_without_a_model_are_explained(tmp_path, contents, message):
    with pytest.raises(ArchiveError, match=message):
        import_pretrained(zipped(tmp_path / "x.zip", contents), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_too_large_a_file_of_weights_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("disbench.pretrained.archive._MAX_DATA_BYTES", 1000)
    with pytest.raises(ArchiveError, match="unpacks to 2,762,068 bytes; expected at most 1,000"):
        import_pretrained(ARCHIVE, tmp_path / "out")


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "0.zip").write_bytes(b"<Error><Code>AccessDenied</Code></Error>")
    result = runner.invoke(app, ["import-pretrained", str(tmp_path / "0.zip"), "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, ArchiveError)
    assert "not readable as a ZIP file" in str(result.exception)
    with pytest.raises(FileNotFoundError, match="none.zip: no such file"):
        import_pretrained(tmp_path / "none.zip", tmp_path / "out")


EDIT = st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4))


@seed(0)
@settings(max_examples=60, deadline=None, database=None)
@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4)), min_size=1, max_size=5)
)
def test_a_damaged_archive_is_an_error_or_gives_the_same_model(tmp_path_factory, edits):
    index, shards = write_bundle({"x": np.arange(50, dtype=np.float32)})
    folder = tmp_path_factory.mktemp("damaged")
    path = zipped(folder / "x.zip", {f"{VARIABLES}.index": index, f"{VARIABLES}.data-00000-of-00001": shards[0]})
    content = path.read_bytes()
    for place, written in edits:
        start = int(place * len(content))
        content = content[:start] + written + content[start + len(written) :]
    path.write_bytes(content)
    with pytest.raises(ArchiveError):  # at the latest for what it holds, which is no encoder
        import_pretrained(path, folder / "out")
