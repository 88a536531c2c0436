"""`resonet train`: a bundle from samples/tiny, interrupted and resumed, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_trainings import SMALL, TINY

from resonet.bundle import Bundle
from resonet.train import checkpoints, log, recipe
from resonet.train.display import Display
from resonet.train.loop import Loop


def losses(out: Path) -> dict[int, float]:
    steps = [event for event in log.events(out) if event["kind"] == "step"]
    assert [step["step"] for step in steps] == list(range(1, len(steps) + 1))
    return {step["step"]: step["loss"] for step in steps}


def test_a_folder_of_recordings_becomes_a_bundle(resonet, here: Path) -> None:
    ran = resonet("train", "--data", TINY, *SMALL, "--set", "time=2s", "--name", "My Own")
    assert ran.code == 0, ran.err
    assert ran.out == "runs/tiny/my-own.resonet\n"
    assert "recipe minutes: 0.035 h of speech" in ran.err
    assert "utterances to train on" in ran.err and "unit errors" in ran.err and "WER" in ran.err
    out = here / "runs" / "tiny"
    with Bundle.open(out / "my-own.resonet", "recognizer") as bundle:
        assert bundle.manifest.name == "my-own"
        assert {"model.onnx", "lexicon.bin", "stats.json", "card.md"} <= set(bundle.members)
        assert set("abcdefghijklmnopqrstuvwxyz'|") < set(bundle.manifest.units.symbols)  # type: ignore[union-attr]
        assert {metric.name for metric in bundle.manifest.metrics} == {"unit_error_rate", "wer"}
    kinds = [json.loads(line)["kind"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert {"data", "probe", "step", "validation", "end", "bundle"} <= set(kinds)
    assert recipe.load(str(out / "recipe.yaml")).time == 2
    assert "word errors on dev" in (out / "progress.html").read_text()
    again = resonet("train", "--data", TINY, *SMALL, "--set", "time=2s")
    assert again.code == 2 and "runs/tiny holds a training" in again.err and "--resume runs/tiny" in again.err


def test_interrupted_and_resumed_it_goes_on_with_the_same_losses(resonet, here: Path, monkeypatch) -> None:
    settings = ["--data", TINY, "--recipe", "half-hour", *SMALL, "--set", "passes=4"]
    assert resonet("train", *settings, "-o", "whole").code == 0
    seen = Display._note

    def interrupt(self: Display, values: dict) -> None:
        seen(self, values)
        if values["step"] == 6:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Display, "_note", interrupt)
        stopped = resonet("train", *settings, "-o", "parts")
    assert stopped.code == 130
    assert stopped.out == "" and stopped.err.rstrip().endswith("stopped; go on with: resonet train --resume parts")
    resumed = resonet("train", "--resume", "parts", "--json")
    assert resumed.code == 0, resumed.err
    result = json.loads(resumed.out)
    assert result["bundle"] == "parts/parts.resonet" and Path(result["bundle"]).is_file()
    assert {"unit_error_rate", "wer", "elapsed"} <= result.keys()
    whole, parts = losses(here / "whole"), losses(here / "parts")
    assert len(whole) == len(parts) > 10
    assert max(abs(whole[step] - parts[step]) for step in whole) < 1e-6


def test_a_killed_run_is_resumed_from_its_checkpoint(resonet, here: Path, monkeypatch) -> None:
    class Killed(BaseException):
        pass

    def kill(self: Display, values: dict) -> None:
        if values["step"] == 5:
            raise Killed

    settings = [*SMALL, "--set", "passes=3", "--set", "checkpoint_every=0.001"]
    with monkeypatch.context() as patch:
        patch.setattr(Display, "_note", kill)
        with pytest.raises(Killed):
            resonet("train", "--data", TINY, "--recipe", "half-hour", *settings, "-o", "run")
    less = here / "less"
    for voice in sorted(path for path in TINY.iterdir() if path.is_dir())[:5]:
        shutil.copytree(voice, less / voice.name)
    refused = resonet("train", "--resume", "run", "--data", less)
    assert refused.code == 1 and "the data are not those that run was trained on so far" in refused.err
    resumed = resonet("train", "--resume", "run", "--set", "passes=2")
    assert resumed.code == 0, resumed.err
    assert "goes on after step 4" in resumed.err
    assert len(losses(here / "run")) > 5  # the step that was lost is there once
    assert recipe.load("run/recipe.yaml").passes == 2


def test_a_run_that_left_no_checkpoint_is_forgotten(resonet, here: Path) -> None:
    (here / "run").mkdir()
    log.add(here / "run", "step", {"step": 1, "loss": 9.0})
    ran = resonet("train", "--data", TINY, "--recipe", "half-hour", *SMALL, "--set", "passes=1", "-o", "run")
    assert ran.code == 0, ran.err
    assert 9.0 not in losses(here / "run").values()


def test_a_full_disk_leaves_the_checkpoint_before(resonet, here: Path, monkeypatch) -> None:
    saved = checkpoints.os.fsync
    calls = []

    def fsync(number: int) -> None:
        calls.append(number)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        saved(number)

    monkeypatch.setattr(checkpoints, "os", type("Disk", (), {"fsync": staticmethod(fsync)}))
    settings = [*SMALL, "--set", "passes=3", "--set", "checkpoint_every=0.001"]
    ran = resonet("train", "--data", TINY, "--recipe", "half-hour", *settings, "-o", "run")
    assert ran.code == 1
    assert "No space left on device" in ran.err and "--resume" in ran.err and "Traceback" not in ran.err
    assert sorted(path.name for path in (here / "run").glob("checkpoint*")) == ["checkpoint.pt"]
    assert checkpoints.load(here / "run" / "checkpoint.pt")["progress"]["step"] == 1


def test_a_full_memory_is_one_sentence(resonet, monkeypatch) -> None:
    def full(self: Loop) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: not enough memory: you tried ...")

    monkeypatch.setattr(Loop, "_probe_memory", full)
    ran = resonet("train", "--data", TINY, "--recipe", "half-hour", *SMALL, "-o", "run")
    assert ran.code == 1
    assert "the memory is full with batches of 40 s" in ran.err and "--set batch_seconds=20" in ran.err


def test_dry_run_prints_a_recipe_that_can_be_given(resonet, here: Path) -> None:
    ran = resonet("train", "--data", TINY, "--dry-run", "--set", "time=3m", "--set", "optimiser.rate=1e-3")
    assert ran.code == 0 and "recipe minutes" in ran.err
    (here / "mine.yaml").write_text(ran.out)
    read = recipe.load("mine.yaml")
    assert (read.time, read.passes, read.optimiser.rate, read.batch_seconds) == (180, None, 1e-3, 20)
    assert read.validate_every == 30  # six times in a run by the clock
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "optimizer.rate=1"], "did you mean 'optimiser'?"),
        (["--set", "optimiser.rat=1"], "did you mean 'rate'?"),
        (["--set", "network.widht=1"], "did you mean 'network.width'?"),
        (["--set", "network.width=wide"], "network.width: "),
        (["--set", "preset=4"], "preset"),
        (["--set", "passes"], "has no '='"),
        (["--recipe", "fivehours"], "did you mean 'five-hours'?"),
        (["--recipe", "none.yaml"], "none.yaml"),
        (["--set", "units.type=phones"], "--set units.lexicon=FILE"),
        (["--set", "family=resnet"], "did you mean 'resnet_ctc'?"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(resonet, arguments: list[str], said: str) -> None:
    ran = resonet("train", "--data", TINY, *arguments)
    assert ran.code == 2, ran.err
    assert said in ran.err and "Traceback" not in ran.err
    assert ran.out == ""


def test_without_data_or_run_there_is_nothing_to_do(resonet, here: Path) -> None:
    assert "--data is needed" in resonet("train").err
    assert "--resume OUT" in resonet("train", "--resume").err
    assert "no training to resume" in resonet("train", "--resume", here).err
    ran = resonet("train", "--data", here / "nowhere")
    assert ran.code == 1 and "nowhere does not exist" in ran.err
    (here / "file").touch()
    assert resonet("train", "--data", TINY, "-o", "file").code == 2
    assert list(here.iterdir()) == [here / "file"]


def test_every_recipe_is_named_in_the_help_and_holds(resonet) -> None:
    text = "".join(resonet("train", "--help").out.split())
    for name in recipe.names():
        assert name in text
        assert recipe.load(name).passes or recipe.load(name).time


def test_a_finding_is_one_line_and_unusable_recordings_are_left_out(resonet, here: Path) -> None:
    corpus = here / "corpus"
    for clip in sorted(TINY.glob("*/*"))[:60]:
        (corpus / clip.parent.name).mkdir(parents=True, exist_ok=True)
        (corpus / clip.parent.name / clip.name).write_bytes(clip.read_bytes())
    texts = sorted(corpus.glob("*/*.txt"))
    texts[0].write_text("it was 7 o'clock")
    texts[1].write_text("far too long " * 50)
    ran = resonet("train", "--data", "corpus", "--recipe", "half-hour", *SMALL, "--set", "passes=1", "-q")
    assert ran.code == 0, ran.err
    (dense,) = (line for line in ran.err.splitlines() if line.startswith("error: transcripts too long"))
    assert texts[1].stem in dense
    assert "'7' is not among the" in ran.err


def test_without_dev_a_part_of_train_is_held_out(resonet, here: Path) -> None:
    assert resonet("prepare", TINY, "data", "--as", "train").code == 0
    ran = resonet("train", "--data", "data", "--recipe", "half-hour", *SMALL, "--set", "passes=1", "-o", "run")
    assert ran.code == 0, ran.err
    assert "no dev split" in ran.err and "held out" in ran.err


def test_two_processes_train_together(here: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    verb = [str(Path(sys.executable).with_name("resonet")), "train"]
    settings = [*SMALL, "--set", "passes=2", "--set", "batch_seconds=20"]
    ran = subprocess.run(
        [*torchrun, *verb, "--data", str(TINY), "--recipe", "half-hour", *settings, "-o", "run"],
        capture_output=True, text=True, timeout=900, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "run/run.resonet\n"
    steps = losses(here / "run")
    assert steps and max(steps) == len(steps)
    assert Bundle.open(here / "run" / "run.resonet").manifest.kind == "recognizer"
