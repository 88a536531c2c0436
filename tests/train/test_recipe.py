"""Recipes: what is written is checked, what is misspelt is named, and one sentence says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resonet.errors import UsageError
from resonet.train import recipe
from resonet.train.recipe import Recipe, parse


def parsed(content: dict[str, Any], *settings: str) -> Recipe:
    return parse(content, list(settings), "mine.yaml")


@pytest.mark.parametrize(
    ("text", "seconds"), [(90, 90), ("90", 90), ("45s", 45), ("3m", 180), ("1.5h", 5400), (" 2 m ", 120)]
)
def test_durations(text: object, seconds: float) -> None:
    assert parsed({"time": text}).time == seconds
    assert parsed({"passes": 1, "validate_every": text, "checkpoint_every": text}).checkpoint_every == seconds


@pytest.mark.parametrize("text", ["3 days", "-3m", "m", "", 0, -1])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(UsageError, match=r"^mine.yaml: time: "):
        parsed({"time": text})


def test_passes_or_time_not_both() -> None:
    for content in ({}, {"passes": 1, "time": "1m"}):
        with pytest.raises(UsageError, match=r"^mine.yaml: recipe: give either passes or time$"):
            parsed(content)
    assert parsed({"passes": 20}, "time=3m").model_dump(include={"passes", "time"}) == {"passes": None, "time": 180}
    assert parsed({"time": "3m"}, "passes=2").model_dump(include={"passes", "time"}) == {"passes": 2, "time": None}


def test_set_reaches_into_groups() -> None:
    made = parsed(
        {"passes": 1, "optimiser": {"rate": 1}},
        "optimiser.name=sgd", "optimiser.rate=5e-4", "network.dilations=[1, 2]", "augmentation.speeds=[1.0]",
        "augmentation.warp=no", "units.type=phones", "seed=3", "about=a=b",
    )  # fmt: skip
    assert (made.optimiser.name, made.optimiser.rate, made.seed, made.about) == ("sgd", 5e-4, 3, "a=b")
    assert made.network == {"dilations": [1, 2]}
    assert made.augmentation.speeds == (1.0,) and made.augmentation.warp is False
    assert made.units.type == "phones"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("optimizer.rate=1", "optimizer is no setting; did you mean 'optimiser'?"),
        ("optimiser.rates=1", "optimiser.rates is no setting; did you mean 'rate'?"),
        ("augmentation.nois=x", "augmentation.nois is no setting; did you mean 'noise'?"),
        ("xyzzy=1", "xyzzy is no setting"),
        ("passes", "--set passes has no '='"),
        ("seed.more=1", "seed is a single value"),
        ("about=[1", r"--set about=[1: [1 is no YAML value"),
        ("optimiser.name=adamm", "optimiser.name: Input should be 'sgd', 'momentum'"),
        ("optimiser.rate=-1", "optimiser.rate: Input should be greater than 0"),
        ("units=phones", "units: "),
        ("optimiser.betas=[0.9, 1]", "optimiser.betas.1: Input should be less than 1"),
        ("augmentation.speeds=[]", "augmentation.speeds: Tuple should have at least 1 item"),
        ("augmentation.speeds=[0]", "augmentation.speeds.0: Input should be greater than 0"),
        ("augmentation.time_width=0", "augmentation.time_width: Input should be greater than or equal to 1"),
        ("seed=-1", "seed: Input should be greater than or equal to 0"),
    ],
)
def test_what_does_not_fit_is_said_once(setting: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed({"passes": 1, "seed": 0}, setting)
    assert said in str(caught.value) and "Value error" not in str(caught.value)


def test_settings_that_do_not_go_together() -> None:
    with pytest.raises(UsageError, match=r"loss: consistency goes with the loss ctc$"):
        parsed({"passes": 1}, "loss.name=cross_entropy", "loss.consistency=0.2")
    with pytest.raises(UsageError, match=r"recipe: start is not for pronunciation$"):
        parsed({"passes": 1}, "task=pronounce", "start=runs/g2p")


def test_files(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("passes: 3\nunits: {type: bpe, size: 100}\n")
    made = recipe.load(str(tmp_path / "mine.yaml"), ["seed=7"])
    assert (made.passes, made.units.size, made.seed) == (3, 100, 7)
    (tmp_path / "bad.yaml").write_text("passes: [3\n")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "list.yaml").write_text("- passes\n")
    for name in ("bad.yaml", "bytes.yaml", "none.yaml"):
        with pytest.raises(UsageError, match=f"{name} cannot be read"):
            recipe.load(str(tmp_path / name))
    with pytest.raises(UsageError, match=r"list.yaml is no recipe"):
        recipe.load(str(tmp_path / "list.yaml"))


def test_names() -> None:
    assert "one-hour" in recipe.names()
    with pytest.raises(UsageError, match="did you mean 'one-hour'"):
        recipe.load("one-hours")
    with pytest.raises(UsageError, match=r"known: .*five-hours"):
        recipe.load("zzz")


def test_a_recipe_does_not_change() -> None:
    made = parsed({"passes": 1})
    with pytest.raises(ValueError, match="frozen"):
        made.seed = 3  # type: ignore[misc]
