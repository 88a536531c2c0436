"""Checkpoints: everything a run needs to go on with the same next step, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from resonet.errors import TrainError


def save(path: Path, content: dict[str, Any]) -> None:
    """Writes to a temporary name, syncs, renames: a kill or a full disk leaves the checkpoint before.

    Raises TrainError if the disk is full.
    """
    part = path.with_suffix(".part")
    try:
        with open(part, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        part.unlink(missing_ok=True)
        raise TrainError(
            f"the checkpoint {path} cannot be written: {error}",
            "free some space and go on with --resume; the checkpoint before it is whole",
        ) from error


def load(path: Path) -> dict[str, Any]:
    """Reads a checkpoint: tensors and plain values only, no code is run; raises TrainError."""
    if not path.exists():
        raise TrainError(f"there is no checkpoint {path}", "start without --resume")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrainError(f"the checkpoint {path} is damaged: {error}", "start without --resume") from error
