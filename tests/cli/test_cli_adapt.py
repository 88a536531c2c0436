"""`resonet adapt`: what it asks for, what it refuses before anything is read, and the recipe that it makes."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from resonet import cli

pytest.importorskip("torch")
pytest.importorskip("yaml")
from resonet.train import run
from resonet.train.recipe import Recipe

CONSENT = "I, Anna Example, agree that my family reads me aloud."


@dataclass
class Ran:
    code: int
    out: str
    err: str
    recipe: Recipe | None
    arguments: dict[str, Any]


@pytest.fixture
def adapt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the verb in an empty folder; nothing is trained, what would be is told."""
    monkeypatch.chdir(tmp_path)

    def go(*arguments: Any, typed: str | None = None) -> Ran:
        seen: list[tuple[Any, Recipe, Path, dict[str, Any]]] = []

        def train(data: Any, recipe: Recipe, out: Path, **more: Any) -> Path:
            seen.append((data, recipe, out, more))
            out.mkdir(parents=True, exist_ok=True)
            path = out / f"{more['name']}.resonet"
            path.write_bytes(b"1234")
            return path

        stdin = io.StringIO(typed or "")
        stdin.isatty = lambda: typed is not None  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(run, "train", train)
        code = cli.main(["adapt", *(str(argument) for argument in arguments)])
        shown = capsys.readouterr()
        data, recipe, out, more = seen[0] if seen else (None, None, None, {})
        return Ran(code, shown.out, shown.err, recipe, {"data": data, "out": out, **more})

    return go


BARE = ("--voice", "bundles/en-multi.resonet", "--data", "mine", "--speaker", "anna")


def test_without_consent_it_refuses_in_one_sentence(adapt: Callable[..., Ran]) -> None:
    ran = adapt(*BARE)
    assert ran.code == 2 and ran.recipe is None
    first, hint = ran.err.splitlines()
    assert first == "resonet: a personal voice is made with the consent of the person who spoke, and none is stated"
    assert hint.startswith("  --consent")
    assert adapt(*BARE, "--consent", "").code == 2
    ran = adapt(*BARE, "--consent", "yes")
    assert ran.code == 2 and "'yes' is no statement of consent" in ran.err


def test_a_person_at_a_terminal_is_asked(adapt: Callable[..., Ran]) -> None:
    ran = adapt(*BARE, typed=f"Anna Example\n{CONSENT}\n")
    assert ran.code == 0 and ran.recipe is not None, ran.err
    assert "to say what its speaker never said" in ran.err and ran.out == "runs/en-multi-anna/en-multi-anna.resonet\n"
    a = ran.recipe.adapt
    assert (a.consent, a.consent_by, a.consent_date) == (CONSENT, "Anna Example", date.today().isoformat())
    ran = adapt(*BARE, "-o", "other", typed=f"\n{CONSENT}\n")
    assert ran.recipe is not None and ran.recipe.adapt.consent_by == "anna"
    assert adapt(*BARE, "-o", "third", typed="").code == 130


def test_options_are_settings_of_the_recipe(adapt: Callable[..., Ran]) -> None:
    ran = adapt(*BARE, "--consent", CONSENT, "--time", "5m", "--only", "--rows-only", "--vocoder", "--reader", "a: b",
                "--licence", "CC0-1.0", "--language", "en", "--set", "adapt.rows.optimiser.rate=0.1", "-o", "out/here",
                "--json")  # fmt: skip
    assert ran.code == 0 and ran.recipe is not None, ran.err
    r, a = ran.recipe, ran.recipe.adapt
    assert (r.task, r.start, r.time, r.language) == ("adapt", "bundles/en-multi.resonet", 300.0, "en")
    assert (a.speaker, a.only, a.end, a.vocoder, a.reader, a.licence) == ("anna", True, False, True, "a: b", "CC0-1.0")
    assert a.rows.optimiser.rate == 0.1 and a.consent_by == "anna"
    assert ran.arguments["name"] == "here" and ran.arguments["out"] == Path("out/here")
    assert ran.arguments["data"] == Path("mine") and ran.arguments["resume"] is False
    told = json.loads(ran.out)
    assert (
        told["bundle"] == "out/here/here.resonet" and told["speaker"] == "anna" and told["log"] == "out/here/log.jsonl"
    )


def test_names_of_any_script(adapt: Callable[..., Ran]) -> None:
    ran = adapt("--voice", "zh-words", "--data", "mine", "--speaker", "小芳 😀", "--consent", CONSENT)
    assert ran.recipe is not None and ran.recipe.adapt.speaker == "小芳 😀"
    assert ran.arguments["name"] == "zh-words"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--voice is needed"),
        (("--voice", "x"), "--data is needed"),
        (("--voice", "x", "--data", "d"), "--speaker is needed"),
        ((*BARE, "--time", "soon"), "time: "),
        ((*BARE, "--set", "adapt.spaeker=x"), "adapt.spaeker is no setting; did you mean 'speaker'?"),
        (("--resume",), "which run?"),
        (("--resume", "x", "--speaker", "b"), "a resumed run has its voice, speaker and consent"),
        (("--resume", "nowhere"), "no training to resume"),
    ],
)
def test_what_does_not_fit_is_said(adapt: Callable[..., Ran], arguments: tuple[str, ...], said: str) -> None:
    ran = adapt(*arguments)
    assert ran.code == 2 and said in ran.err and ran.recipe is None
    assert len(ran.err.splitlines()) <= 2


def test_a_run_is_taken_up_again(adapt: Callable[..., Ran], tmp_path: Path) -> None:
    ran = adapt(*BARE, "--consent", CONSENT, "-o", "run")
    assert ran.recipe is not None
    out = tmp_path / "run"
    run.save_recipe(ran.recipe, out / "recipe.yaml")
    run.record(out, {}, Path("mine"), "run", resume=False)
    (out / "features").mkdir()
    assert "holds a training" in adapt(*BARE, "--consent", CONSENT, "-o", "run").err
    ran = adapt("--resume", "run", "--time", "20m")
    assert ran.code == 0 and ran.recipe is not None, ran.err
    assert ran.recipe.adapt.consent == CONSENT and ran.recipe.time == 1200
    assert ran.arguments["resume"] is True and ran.arguments["data"] == tmp_path / "mine"
