import pytest
import torch

from disbench.training.devices import flushed_denormals


def tiny() -> float:
    return torch.tensor(1e-40).mul(1).item()


def test_denormals_are_flushed_only_inside():
    assert tiny() > 0
    with flushed_denormals(), flushed_denormals():
        assert tiny() == 0
    assert tiny() > 0


def test_denormals_come_back_after_an_error():
    with pytest.raises(ValueError, match="stopped"), flushed_denormals():
        raise ValueError("stopped")
    assert tiny() > 0
