import numpy as np
import pytest
from matplotlib.figure import Figure

from disbench.metrics.unified_scores import merges
from disbench.pictures import draw, effects, groups, matrices
from disbench.pictures.draw import PICTURES, draw_all
from disbench.pictures.subject import Subject
from disbench.table import RepresentationTable


@pytest.fixture
def figures(monkeypatch) -> list[Figure]:
    """Figures that are drawn, in place of their files."""
    found = []
    for module in (matrices, effects, groups):
        monkeypatch.setattr(module, "write_figure", lambda path, figure: found.append(figure) or path)
    return found


def ticks(axes, which: str) -> list[str]:
    return [label.get_text() for label in getattr(axes, f"get_{which}ticklabels")()]


@pytest.mark.parametrize("name", ["information", "importance", "accuracy"])
def test_a_heat_map_has_factors_down_and_latents_in_their_order_across(subject, figures, tmp_path, name):
    PICTURES[name](subject, tmp_path)
    axes = figures[0].axes[0]
    assert ticks(axes, "y") == ["hue", "column", "row"]
    assert ticks(axes, "x")[:3] == ["z3", "z0", "z1"]  # the hue, the column, the row
    shown = axes.images[0].get_array()
    np.testing.assert_array_equal(shown, getattr(subject, name)[subject.by_factor].T)
    assert [text.get_text() for text in axes.texts] == [f"{value:.2f}" for value in shown.ravel()]


def test_matrices_find_what_the_codes_are(subject):
    factors = np.log([3, 4, 5])
    np.testing.assert_allclose(subject.information[[3, 0, 1], [0, 1, 2]], factors, atol=0.02)  # entropies of factors
    assert subject.information[4].max() == 0
    np.testing.assert_allclose(subject.importance.sum(axis=0), 1)
    assert (subject.importance[[3, 0, 1], [0, 1, 2]] > 0.95).all()
    assert subject.accuracy[[3, 0, 1], [0, 1, 2]].min() > subject.accuracy[4].max()


def test_kl_bars_are_sorted_and_inactive_latents_grey(subject, figures, tmp_path):
    matrices.kl(subject, tmp_path)
    bars = figures[0].axes[0].patches
    np.testing.assert_allclose([bar.get_height() for bar in bars], np.sort(subject.kl)[::-1])
    assert len({bar.get_facecolor() for bar in bars[:3]}) == 3
    red, green, blue, _ = bars[-1].get_facecolor()
    assert red == green == blue


def test_effects_follow_the_factor_of_each_latent(subject, figures, tmp_path):
    effects.effects(subject, tmp_path)
    panels = [axes for axes in figures[0].axes if axes.lines]
    assert [(axes.get_title(loc="left"), axes.get_xlabel()) for axes in panels[:3]] == [
        ("z3: robustness 1.00", "hue"),
        ("z0: robustness 1.00", "column"),
        ("z1: robustness 1.00", "row"),
    ]
    at, middle = panels[1].lines[-1].get_data()
    np.testing.assert_allclose(at, [0, 1, 2, 3])
    np.testing.assert_allclose(middle, [-1.5, -0.5, 0.5, 1.5], atol=1e-6)


def test_a_constant_latent_has_no_effect_to_draw(subject, figures, tmp_path):
    effects.effects(subject, tmp_path)
    assert not [axes for axes in figures[0].axes if axes.get_title(loc="left").startswith("z4")]


MATRIX = np.array([[0.9, 0.0, 0.1], [0.8, 0.3, 0.0], [0.0, 0.7, 0.0]])


def test_merge_counts_are_those_of_the_metric():
    # strongest first: .9 (z0-a), .8 (z1-a), .7 (z2-b), .3 (z1-b: a and b meet after 3), .1 (z0-c: c joins after 4)
    np.testing.assert_array_equal(groups.merge_counts(MATRIX), [[0, 3, 4], [3, 0, 4], [4, 4, 0]])
    assert merges(MATRIX, [0, 1, 2])["merge_1_0"] == 3


def test_factors_that_never_meet_meet_when_all_relations_are_there():
    np.testing.assert_array_equal(groups.merge_counts(np.eye(2)), [[0, 4], [4, 0]])


def test_groups_and_dendrogram_show_their_arrays(subject, figures, tmp_path):
    groups.groups(subject, tmp_path)
    groups.dendrogram(subject, tmp_path)
    curves, trees = figures
    _, independent = curves.axes[1].lines[0].get_data()
    assert independent.max() == 3  # of the importances
    assert sorted(ticks(trees.axes[0], "x")) == ["column", "hue", "row"]
    heights = {float(max(line.get_ydata())) for line in trees.axes[0].lines}
    assert heights == set(np.unique(groups.merge_counts(subject.information))) - {0.0}
    top = trees.axes[0].get_ylim()[1]
    assert all(max(line.get_ydata()) < top for axes in trees.axes for line in axes.lines)


def paths_of(world):
    return world / "model", world / "blocks.zarr", world / "table.zarr"


def test_the_same_inputs_give_the_same_bytes(world, tmp_path):
    first = draw_all(*paths_of(world), tmp_path / "a", num_points=200)
    again = draw_all(*paths_of(world), tmp_path / "b", num_points=200)
    assert [path.name for path in first] == [path.name for path in again]
    assert len(first) == 17
    assert [a.name for a, b in zip(first, again, strict=True) if a.read_bytes() != b.read_bytes()] == []
    (other,) = draw_all(*paths_of(world), tmp_path / "c", names=["reconstructions"], seed=1)
    assert other.read_bytes() != (tmp_path / "a/reconstructions.png").read_bytes()
    assert not [path for path in (tmp_path / "a").iterdir() if path not in first]


def test_a_misspelt_picture_is_named_before_anything_is_drawn(world, tmp_path):
    with pytest.raises(ValueError, match="no picture called 'cycle'. Did you mean 'cycles'?"):
        draw_all(*paths_of(world), tmp_path / "out", names=["kl", "cycle"])
    assert not (tmp_path / "out").exists()


def test_what_does_not_belong_together_is_refused(subject):
    other = RepresentationTable(subject.table.space, subject.table.mean[:, :2], subject.table.log_variance[:, :2])
    with pytest.raises(ValueError, match="expected codes of the model's 5 latents; got 2"):
        Subject(subject.model, subject.store, other)
    bare = RepresentationTable.from_codes(subject.table.space, subject.table.mean)
    with pytest.raises(ValueError, match="expected a table with log-variances"):
        Subject(subject.model, subject.store, bare)


def test_every_picture_has_a_function_of_its_name():
    assert set(draw.PICTURES) >= {"reconstructions", "samples", "traversals", "cycles", "effects", "dendrogram"}
