"""Checkpoints of a run: the state of everything that learns or draws, in one file that is whole or not there."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from disbench.files import write_bytes

_NUM_KEPT = 2
_LOCK = "lock"


class RunInProgressError(ValueError):
    """Another process is at work on the same run."""


@dataclass(frozen=True)
class Checkpoint:
    """State of a run after `step` updates.

    Parameters
    ----------
    step
        Number of updates made.
    tensors
        Weights, moments of the optimisers and states of the generators, by name.
    history
        What was logged so far.
    """

    step: int
    tensors: dict[str, Tensor]
    history: list[dict[str, float]]


@dataclass(frozen=True)
class CheckpointFolder:
    """The newest two checkpoints of one run; a file's name ends in its checksum."""

    path: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes away from this run for the length of the block; a kill gives the lock back.

        Raises
        ------
        RunInProgressError
            Another process has it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / _LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunInProgressError(
                    f"{self.path}: another process is training this run (same parameters, data and code); wait until "
                    "it ends, or stop it and start this one again, which goes on from the last checkpoint"
                ) from None
            if not (self.path / _LOCK).exists() or not os.path.samestat(
                os.fstat(file.fileno()), (self.path / _LOCK).stat()
            ):
                raise RunInProgressError(f"{self.path}: another process has just finished this run; start it again")
            yield

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then drop all but the newest two.

        Raises
        ------
        OSError
            If it cannot be written; the checkpoints before it are untouched, and the message says how to go on.
        """
        metadata = {"step": str(checkpoint.step), "history": json.dumps(checkpoint.history)}
        content = safetensors.torch.save(
            {name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}, metadata=metadata
        )
        path = self.path / f"{checkpoint.step:012}-{_checksum(content)}.safetensors"
        try:
            write_bytes(path, content)
        except OSError as error:
            newest = self.newest()
            kept = f"{newest} is whole" if newest else "there is none before it"
            raise OSError(
                error.errno,
                f"the checkpoint of step {checkpoint.step:,}, {len(content):,} bytes, cannot be written "
                f"({error.strerror}); {kept}. Make room and start the same command again: it goes on from the newest",
                str(path),
            ) from error
        for old in self._files()[_NUM_KEPT:]:
            old.unlink()

    def load(self) -> Checkpoint | None:
        """The newest checkpoint that is not damaged, on the CPU, or None. Damaged ones are named and passed over."""
        for path in self._files():
            if path.stem.endswith(_checksum(path.read_bytes())):
                return _read(path)
            print(f"{path}: damaged, its checksum does not match its name; trying the one before it")
        return None

    def check(self) -> None:
        """Raise ValueError if a checkpoint is damaged; `load` would pass it over."""
        damaged = [path for path in self._files() if not path.stem.endswith(_checksum(path.read_bytes()))]
        if damaged:
            raise ValueError(
                f"{damaged[0]}: damaged, its checksum does not match its name; delete it, the run goes on from the "
                "checkpoint before it or from the start"
            )

    def newest(self) -> Path | None:
        """File of the newest checkpoint, if there is one."""
        return next(iter(self._files()), None)

    def clear(self) -> None:
        """Remove the checkpoints of a run that is finished."""
        if self.path.is_dir():
            for path in sorted(self.path.iterdir(), key=lambda path: path.name == _LOCK):
                path.unlink()
            self.path.rmdir()

    def _files(self) -> list[Path]:
        return sorted(self.path.glob("*.safetensors"), reverse=True)


def _read(path: Path) -> Checkpoint:
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, Any] = file.metadata()
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        return Checkpoint(int(metadata["step"]), tensors, json.loads(metadata["history"]))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a checkpoint of disbench ({error!r}); delete it") from error


def _checksum(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]
