"""Which recipe is picked, and what the probe of a machine gives."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from resonet.train import choose as choosing
from resonet.train import recipe
from resonet.train.choose import Machine, choose, machine, memory

LAPTOP = Machine(2, 8.0)
CARD = Machine(16, 64.0, "H100", 80.0)


@pytest.mark.parametrize(
    ("hours", "name"),
    [(0.03, "minutes"), (0.5, "half-hour"), (1, "one-hour"), (5, "five-hours"), (10, "five-hours"),
     (20, "twenty-hours"), (100, "hundred-hours"), (1000, "hundred-hours")],
)  # fmt: skip
def test_the_nearest_recipe_is_taken(hours: float, name: str) -> None:
    for place in (LAPTOP, CARD):
        choice = choose(hours, place)
        assert choice.recipe == name
        assert choice.why.startswith(f"recipe {name}: {hours:.2g} h of speech, ") and "\n" not in choice.why
        assert recipe.load(choice.recipe, [*choice.settings]).passes


def test_the_machine_counts() -> None:
    assert "2 cores, 8 GB, no GPU" in choose(5, LAPTOP).why
    assert choose(5, LAPTOP).settings == ()
    assert "device=cuda" in choose(5, CARD).settings and "H100" in choose(5, CARD).why
    assert "batch_seconds=50" in choose(20, Machine(2, 2.0)).settings
    assert "preset=4m" in choose(100, LAPTOP).settings
    assert choose(100, CARD).settings == ("device=cuda",)
    assert choose(100, Machine(32, 64.0)).settings == ()


def test_a_time_of_ones_own_replaces_the_passes() -> None:
    choice = choose(0.035, LAPTOP)
    assert choice.settings == () and "by heart" in choice.why
    own_time = recipe.load(choice.recipe, [*choice.settings, "time=3m"])
    assert (own_time.passes, own_time.time) == (None, 180)


def test_larger_data_gets_larger_networks_and_fewer_passes() -> None:
    names = ["minutes", "half-hour", "one-hour", "five-hours", "twenty-hours", "hundred-hours"]
    tiers = [recipe.load(name) for name in names]
    assert [tier.preset for tier in tiers] == ["1m", "1m", "1m", "4m", "4m", "15m"]
    assert [tier.passes for tier in tiers] == [60, 60, 50, 30, 20, 12]


def test_this_machine() -> None:
    here = machine()
    assert here.cores >= 1
    assert memory() is None or 0.1 < memory() < 1e5  # type: ignore[operator]


def test_clips_of_voices_alone_are_made_rougher_and_heard_more_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"classifier": [SimpleNamespace(path="words.resonet", name="words")]}
    about = SimpleNamespace(family="resnet_words", runtime={"recipe": {"preset": "small"}})
    monkeypatch.setattr(choosing, "installed", lambda kind: found.get(kind, []))
    monkeypatch.setattr(choosing, "read_manifest", lambda path: about)
    people, voices = (recipe.load("commands", [*choosing.beginning(spoken).settings]) for spoken in (False, True))
    assert people.start == voices.start == "words" and people.family == voices.family == "resnet_words"
    assert voices.optimiser.rate < people.optimiser.rate and voices.time < people.time
    found.clear()
    alone = recipe.load("commands", [*choosing.beginning(spoken=True).settings])
    assert alone.start is None and alone.time == people.time
    for rough in (voices.augmentation, alone.augmentation):
        assert rough.channel_probability > people.augmentation.channel_probability
        assert rough.noise_probability > people.augmentation.noise_probability
