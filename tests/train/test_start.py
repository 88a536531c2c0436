"""Trainings that begin with the weights of another one, taken from its bundle or from its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from small_trainings import SMALL, TINY

from resonet.errors import BundleError, TrainError, UsageError
from resonet.models import registry
from resonet.train import checkpoints, recipe, start


@pytest.fixture
def first(resonet, here: Path) -> Path:
    """The folder of a short training, in which its bundle is."""
    ran = resonet("train", "--data", TINY, "--recipe", "half-hour", *SMALL, "--set", "passes=1", "-o", "first")
    assert ran.code == 0, ran.err
    return here / "first"


def begun(place: Path | str, symbols: list[str], **settings: Any) -> Any:
    """A new network like that of the first training, begun with the weights in `place`."""
    settings = {**recipe.load("first/recipe.yaml").network, **settings}
    content = {"passes": 1, "network": settings, "start": str(place)}
    module = registry.family("resnet_ctc")
    network = module.Network(registry.configure(module, "1m", settings), len(symbols))
    start.begin(network, symbols, recipe.parse(content, [], "test"))
    return network


def test_weights_of_bundle_and_folder_are_the_averaged_ones(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = checkpoints.load(first / "checkpoint.pt")
    symbols = json.loads((first / "run.json").read_text())["same"]["units"]
    for place in (first, first / "first.resonet"):
        state = begun(place, symbols, dropout=0.3).state_dict()  # what is for training alone may differ
        for name, weights in {**checkpoint["network"], **checkpoint["average"]}.items():
            assert torch.equal(state[name], weights), name
    other = begun(first, [*symbols, "x"]).state_dict()  # of another language: all but the last layer
    same = [name for name, weights in state.items() if torch.equal(weights, other[name])]
    assert {name.split(".")[0] for name in state.keys() - set(same)} == {"output"} and len(same) > 10
    with pytest.raises(UsageError, match="is another network") as caught:
        begun(first / "first.resonet", symbols, ahead=[0, 1])  # as many weights, of another meaning
    assert "--set family=resnet_ctc --set preset=1m --set network='{" in caught.value.hint
    (first / "run.json").unlink()
    with pytest.raises(TrainError, match=r"cannot be begun with: .*run\.json"):
        begun(first, symbols)
    with pytest.raises(BundleError):
        begun("nowhere.resonet", symbols)
    monkeypatch.setattr(start, "_bundle", lambda *_: ({}, symbols, recipe.load("first/recipe.yaml").model_dump()))
    with pytest.raises(BundleError, match="the weights in old have no names"):
        begun("old", symbols)


def test_a_training_that_begins_with_a_bundle(first: Path, resonet, here: Path) -> None:
    settings = ["--data", TINY, "--recipe", "half-hour", *SMALL, "--set", "passes=1"]
    ran = resonet("train", *settings, "--set", "start=first/first.resonet", "-o", "second")
    assert ran.code == 0, ran.err
    assert "begins with the weights of first/first.resonet" in ran.err
    events = [json.loads(line) for line in (here / "second" / "log.jsonl").read_text().splitlines()]
    steps = [event for event in events if event["kind"] == "step"]
    assert "ctc" in steps[0]  # no flat start, which would undo what was learnt
    (first / "first.resonet").unlink()
    assert resonet("train", "--resume", "second", "--set", "passes=2").code == 0  # it has weights of its own by now
    ran = resonet("train", *settings, "--set", "start=first", "--set", "units.type=bpe", "--set", "units.size=40")
    assert ran.code == 0 and "of the network: its units are others" in ran.err
    told = [json.loads(line) for line in sorted(here.glob("runs/*/log.jsonl"))[-1].read_text().splitlines()]
    assert "ctc" not in next(event for event in told if event["kind"] == "step")  # a last layer of no training yet


def test_a_device_that_is_not_there(resonet, here: Path) -> None:
    ran = resonet("train", "--data", TINY, *SMALL, "--set", "device=nonsense")
    assert ran.code == 2 and "device nonsense cannot be used" in ran.err and "--set device=cpu" in ran.err
    assert not (here / "runs").exists()
