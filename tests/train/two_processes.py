"""What each process of the torchrun test does: train the toy task, write the weights it ends with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
from toy_task import Toy

from resonet.train.loop import Loop
from resonet.train.recipe import parse

folder = Path(sys.argv[1])
settings = {"name": "sgd", "rate": 0.1, "schedule": "constant", "warm_up": 0.0, "weight_decay": 0.0}
toy = Toy(batches=5)
loop = Loop(toy, parse({"passes": 3, "optimiser": settings, "validate_every": 1e-6}, [], "test"), folder / "run")
loop.run()
torch.save(
    {"weights": toy.network.state_dict(), "average": loop.average, "seen": toy.seen},
    folder / f"process-{os.environ['RANK']}.pt",
)
