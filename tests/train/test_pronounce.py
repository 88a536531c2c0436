"""Pronunciation on a small language: every letter is the phone of its name."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch

from resonet.text.lexicon import Lexicon
from resonet.train.loop import Event, Loop
from resonet.train.recipe import parse
from resonet.train.tasks.pronounce import Pronounce, part_of


@pytest.fixture
def task() -> Pronounce:
    torch.set_num_threads(1)
    words = ["".join(w) for n in (2, 3, 4, 5) for w in itertools.product("abcd", repeat=n)]
    lexicon = Lexicon.read_text((f"{word}\t{' '.join(word.upper())}" for word in words), ["A", "B", "C", "D"])
    recipe = parse(
        {"task": "pronounce", "family": "g2p_resnet", "preset": "tiny", "passes": 12, "average": 0.9,
         "network": {"width": 16, "blocks": 1, "dropout": 0.0}, "optimiser": {"rate": 0.01}},
        [], "test",
    )  # fmt: skip
    return Pronounce(recipe, lexicon)


def test_words_are_held_out_by_their_letters_alone(task: Pronounce) -> None:
    assert set(task.parts["test"]) == {w for w in task.answers if part_of(w) == "test"}
    assert 10 < len(task.parts["test"]) < 80 and 10 < len(task.parts["dev"]) < 80
    assert sum(map(len, task.parts.values())) == 4**2 + 4**3 + 4**4 + 4**5


def test_every_word_once_a_pass_and_in_parts(task: Pronounce) -> None:
    batches = list(task.batches(3, 0, 1))
    assert len(batches) == task.plan(3)
    assert sorted(n for b in batches for n in b.names) == sorted(task.parts["train"])
    assert [b.names for b in task.batches(3, 1, 2)] == [b.names for b in batches[1::2]]
    assert max(map(len, task.largest().names)) == 5


def test_letters_are_learnt(task: Pronounce, tmp_path: Path) -> None:
    events: list[Event] = []
    Loop(task, task.recipe, tmp_path, events.append).run()
    (result,) = [e.values for e in events if e.kind == "validation"]
    assert result["phone_error_rate"] < 10
    assert result["samples"][0].count(" -> ") == 1
    (found,) = task.read(["dab"])
    assert task.units.decode(found) == "D A B"
    assert task.errors("test")["phone_error_rate"] < 10
    task.parts["test"] = []
    assert task.errors("test") == {}  # no words are no errors, and no success
