import pytest

from disbench.study import schema
from disbench.study.where import select

STUDY = schema.load("unsupervised_study_v1")


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ("number<3", [0, 1, 2]),
        ("dataset=dsprites_full objective=beta_vae seed<1", [0, 50, 100, 150, 200, 250]),
        ("dataset=shapes3d c_max>=75 seed=49", [12549, 12599]),
        ("objective=annealed_vae dataset!=shapes3d c_max=5,100 seed=0 number>9000", [10500, 10750]),
        ("beta=1 seed=0 dataset=cars3d", [9000, 10200]),
        ("seed>49", []),
    ],
)
def test_conditions_select_runs(where, numbers):
    assert [run.number for run in select(STUDY, where)] == numbers


def test_no_condition_selects_all():
    assert len(select(STUDY, "")) == 12600


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("datset=cars3d", "Did you mean 'dataset'"),
        ("seed", "expected a condition such as dataset=cars3d or seed<5; got 'seed'"),
        ("seed<five", "expected a number to compare 0 with; got 'five'"),
    ],
)
def test_a_wrong_condition_is_named(where, message):
    with pytest.raises(ValueError, match=message):
        select(STUDY, where)
