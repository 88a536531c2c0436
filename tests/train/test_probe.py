"""The probe of threads and precision: it tries what is open, and leaves no trace in the network or the random state."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from resonet.train import probe as probes
from resonet.train.probe import part, probe
from resonet.train.recipe import parse
from resonet.train.tasks.recognize import SpeechBatch


@dataclass
class Batch:
    x: torch.Tensor
    seconds: float = 1.0


class Task:
    def __init__(self) -> None:
        self.batch = Batch(torch.randn(4, 8))
        self.network = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5))
        self.tried: list[int] = []

    def largest(self) -> Batch:
        return self.batch

    def loss(self, batch: Batch, progress: float) -> dict[str, torch.Tensor]:
        self.tried.append(torch.get_num_threads())
        return {"loss": self.network(batch.x).float().sum()}


def test_what_is_open_is_tried(monkeypatch) -> None:
    monkeypatch.setattr(probes, "_TIME", 0.01)
    monkeypatch.setattr(probes, "has_bfloat16", lambda device: True)
    torch.set_num_threads(2)
    task = Task()
    before = {name: tensor.clone() for name, tensor in task.network.state_dict().items()}
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    found = probe(task, parse({"passes": 1}, [], "test"))  # type: ignore[arg-type]
    assert torch.rand(1) == expected
    assert set(found.seconds) == {"2 x float32", "2 x bfloat16", "1 x float32", "1 x bfloat16"}
    assert found.threads == torch.get_num_threads() and found.precision in ("float32", "bfloat16")
    assert set(task.tried) == {1, 2} and "small step: 2 x float32 0.0" in str(found)
    assert all(torch.equal(before[name], tensor) for name, tensor in task.network.state_dict().items())
    assert all(parameter.grad is None for parameter in task.network.parameters())


def test_what_the_recipe_says_is_not_tried() -> None:
    task = Task()
    found = probe(task, parse({"passes": 1, "threads": 1, "precision": "bfloat16"}, [], "test"))  # type: ignore[arg-type]
    assert (found.threads, found.precision, found.seconds, task.tried) == (1, "bfloat16", {}, [])
    torch.set_num_threads(2)
    shared = probe(task, parse({"passes": 1}, [], "test"), share=2)  # type: ignore[arg-type]
    assert (shared.threads, shared.precision, torch.get_num_threads()) == (1, "float32", 1)


def test_a_precision_that_is_emulated_is_told(monkeypatch) -> None:
    for has, told in ((True, False), (False, True)):
        monkeypatch.setattr(probes, "has_bfloat16", lambda device, has=has: has)
        found = probe(Task(), parse({"passes": 1, "threads": 1, "precision": "bfloat16"}, [], "test"))  # type: ignore[arg-type]
        assert found.emulated is told and ("seems to emulate" in str(found)) is told


def test_a_part_of_a_batch_of_speech() -> None:
    batch = SpeechBatch(
        pcm=torch.zeros(4, 16000), lengths=torch.full((4,), 16000), targets=torch.arange(10),
        target_lengths=torch.tensor([1, 2, 3, 4]), warp=None, masks=0, seconds=4.0, names=list("abcd"),
    )  # fmt: skip
    few = part(batch, 2.0)
    assert few.pcm.shape == (2, 16000) and few.targets.tolist() == [0, 1, 2] and few.names == ["a", "b"]
    assert part(batch, 60.0) is batch
