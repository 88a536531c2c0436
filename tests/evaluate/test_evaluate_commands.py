"""`resonet evaluate --task classify` with a fake spotter: figures, page, text, and how it ends."""

from __future__ import annotations

import html.parser
import json
import re
import sys
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from resonet import bundle, cli
from resonet.bundle import Found
from resonet.errors import AudioError, DataError, UsageError
from resonet.evaluate import commands, commands_report, plots, references

# label, word, speaker, what is heard, score
CLIPS = (
    ("yes", "yes", "ann", "yes", 0.9),
    ("yes", "yes", "bob", "no", 0.8),
    ("no", "no", "ann", "no", 0.7),
    ("no", "no", "bob", "no", 0.6),
    ("unknown", "marvin", "ann", "unknown", 0.9),
    ("unknown", "tree", "bob", "yes", 0.65),
    ("silence", "silence", "-", "silence", 1.0),
    ("silence", "silence", "-", "yes", 0.5),
)


@dataclass(frozen=True)
class Label:
    label: str
    score: float


class Spotter:
    """Hears what CLIPS says, by the number in the file's name; files in `bad` cannot be read."""

    labels = ("no", "yes", "unknown", "silence")

    def __init__(self, bad: Iterable[int] = (), better: bool = False) -> None:
        self.bad, self.better = set(bad), better

    def classify_many(self, paths: Iterable[Path]) -> Iterator[tuple[Path, Any]]:
        for path in paths:
            number = int(path.stem)
            label, _, _, heard, score = CLIPS[number]
            if number in self.bad:
                yield path, AudioError(f"{path} is no audio")
            else:
                yield path, Label(label if self.better and label in self.labels else heard, score)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of clips as Speech Commands' is, with the recordings beside it."""
    lines = ["path\tlabel\tspeaker\tseconds\tword\tofficial"]
    for i, (label, word, speaker, _, _) in enumerate(CLIPS):
        soundfile.write(tmp_path / f"{i}.wav", np.zeros(8000, np.float32), 16000)
        lines.append(f"{i}.wav\t{label}\t{speaker}\t0.5\t{word}\t{'testing' if i % 2 else '-'}")
    (tmp_path / "test.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "test.tsv"


@pytest.fixture
def clips(table: Path, tmp_path: Path) -> list[references.Reference]:
    from resonet.data import load

    return references.read(load.resolve(table, cache=tmp_path / "cache", unsplit="test"), "test")


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the verb; bundle `bad` cannot read 3.wav, `better` hears everything."""

    class Loaded(Spotter):
        @classmethod
        def load(cls, name: Path, threads: int | None = None) -> Any:
            return cls([3] if name.name == "bad" else [], name.name == "better")

    runtime = types.ModuleType("resonet.runtime")
    runtime.Spotter = Loaded  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "resonet.runtime", runtime)
    monkeypatch.setattr(bundle, "find", lambda name, kind: Found(f"{name}", Path(name), kind))
    monkeypatch.setattr(bundle, "choose", lambda kind: Found("only", Path("only"), kind))

    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main(["evaluate", "--task", "classify", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_scores_by_hand(clips: list[references.Reference]) -> None:
    found = commands.score(Spotter(), clips, name="b", data="d")
    assert (found.words.clips, found.words.right, found.words.accuracy) == (6, 4, pytest.approx(4 / 6))
    assert found.words.interval is not None and found.words.interval.drawn == "clips"
    assert found.words.interval.low <= 4 / 6 <= found.words.interval.high
    assert (found.silence.clips, found.silence.right) == (2, 1)
    assert (found.everything.clips, found.everything.right) == (8, 5)
    assert found.labels == ("no", "yes", "unknown", "silence")
    assert found.confusion.tolist() == [[2, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 1, 0, 1]]
    assert [c.speaker for c in found.clips][-2:] == ["", ""]
    assert found.speed.audio_seconds == pytest.approx(4.0)
    # Of four other clips one is taken for a word at 0.65 and another at 0.5.
    assert [(p.threshold, p.alarm) for p in found.det][-3:] == [(0.65, 0.25), (0.6, 0.25), (0.5, 0.5)]
    assert list(found.groups) == ["official"]
    speakers = commands.score(Spotter(), clips, by=["speaker"]).groups["speaker"]
    assert [name.rsplit("/", 1)[-1] for name in speakers] == ["ann", "bob", "unknown"]


def test_speakers_are_drawn_where_enough_are_known(clips: list[references.Reference]) -> None:
    from dataclasses import replace

    many = [replace(clips[i % 6], speaker=f"s{i // 6}") for i in range(72)]
    found = commands.score(Spotter(), many)
    assert found.words.interval is not None and found.words.interval.drawn == "speakers"
    # Every speaker is wrong twice of six: no draw can differ.
    assert found.words.interval.low == pytest.approx(found.words.interval.high) == pytest.approx(4 / 6)


def test_words_that_the_bundle_has_not_count_as_unknown(clips: list[references.Reference]) -> None:
    from dataclasses import replace

    strange = [replace(clips[4], text="marvin"), replace(clips[5], text="Tree"), replace(clips[0], text="YES")]
    found = commands.score(Spotter(), strange)
    assert [c.said for c in found.clips] == ["unknown", "unknown", "yes"]
    assert found.unknown == (("Tree", 1), ("marvin", 1))
    assert (found.words.clips, found.words.right) == (3, 2)

    class Closed(Spotter):
        labels = ("no", "yes")

    assert [c.said for c in commands.score(Closed(), strange).clips] == ["marvin", "Tree", "yes"]


def test_failures_and_faults(clips: list[references.Reference]) -> None:
    from dataclasses import replace

    found = commands.score(Spotter(bad=[0]), clips)
    assert found.everything.clips == 7
    assert [Path(file).name for file, _ in found.failures] == ["0.wav"]
    with pytest.raises(DataError, match=r"None of 8 clips could be judged; the first: .*0.wav is no audio"):
        commands.score(Spotter(bad=range(8)), clips)
    with pytest.raises(DataError, match="has a label"):
        commands.score(Spotter(), [replace(clips[0], text=" ")])
    with pytest.raises(UsageError, match="no column 'accent'"):
        commands.score(Spotter(), clips, by=["accent"])

    class Short(Spotter):
        def classify_many(self, paths: Iterable[Path]) -> Iterator[tuple[Path, Any]]:
            yield from list(super().classify_many(paths))[:3]

    with pytest.raises(DataError, match="gave 3 labels for 8 clips"):
        commands.score(Short(), clips)


def test_json(evaluate: Any, table: Path) -> None:
    code, out, err = evaluate("--bundle", "b", "--data", table, "--json")
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    told = json.loads(line)
    assert (told["clips"], told["accuracy_percent"]) == (6, 66.67)
    assert told["silence"] == {"clips": 2, "accuracy_percent": 50.0, "accuracy_interval_percent": None}
    assert told["with_silence"]["accuracy_percent"] == 62.5
    assert told["labels"][0] == {
        **{"label": "no", "clips": 2, "heard": 3},
        **{"recall_percent": 100.0, "precision_percent": 66.67, "f1_percent": 80.0},
    }
    assert told["confusion"]["counts"][0] == [2, 0, 0, 0]
    assert told["det"][0] == {"threshold": 1.0, "miss_percent": 100.0, "alarm_percent": 0.0}
    assert "clips_scored" not in told
    every = json.loads(evaluate("--data", table, "--json", "--utterances")[1])["clips_scored"]
    assert (every[4]["label"], every[4]["said"], every[4]["heard"]) == ("unknown", "marvin", "unknown")


def test_text_and_several_bundles(evaluate: Any, table: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, out, err = evaluate(
        "--bundle", "bad", "--bundle", "better", "--data", table, "--report", page, "--by", "speaker"
    )
    assert code == 1 and err.count("3.wav is no audio") == 1
    for piece in (
        "bad on ",
        "5 clips of words, 2 of silence",
        "60.00 %",
        "silence       50.00 %",
        "by label",
        "yes>no 1",
    ):
        assert piece in out, piece
    assert "against bad: +40.00 points" in out
    assert "by speaker" in out
    assert page.read_text(encoding="utf-8").count('class="line line-') == 4  # two curves and their keys


def test_a_folder_of_words(evaluate: Any, tmp_path: Path) -> None:
    for i in (0, 2, 3):
        folder = tmp_path / "words" / CLIPS[i][0]
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{i}.wav", np.zeros(8000, np.float32), 16000)
    told = json.loads(evaluate("--data", tmp_path / "words", "--json")[1])
    assert (told["clips"], told["accuracy_percent"]) == (3, 100.0)


def test_another_program(evaluate: Any, table: Path, tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(
        "import json, sys\nprint('loading')\n"
        "for f in sys.argv[1:]:\n"
        "    if not f.endswith('2.wav'): print(json.dumps({'file': f, 'label': 'yes', 'score': 0.4}))\n"
    )
    code, out, err = evaluate("--command", f"{sys.executable} {script}", "--data", table, "--json")
    told = json.loads(out)
    assert code == 1 and "2.wav: " in err and "gave no label" in err
    assert (told["clips"], told["accuracy_percent"]) == (5, 40.0)
    code, out, err = evaluate("--command", tmp_path / "nothing", "--data", table)
    assert (code, out) == (2, "") and "cannot be started" in err
    assert evaluate("--command", "'half", "--data", table)[0] == 2


def test_a_command_is_for_clips(capsys: pytest.CaptureFixture[str], table: Path) -> None:
    assert cli.main(["evaluate", "--command", "x", "--data", str(table)]) == 2
    assert "is for --task classify" in capsys.readouterr().err


class Checker(html.parser.HTMLParser):
    """Keeps the open tags; a page is whole when each is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_fetches_nothing(clips: list[references.Reference]) -> None:
    one = commands.score(Spotter(bad=[0]), clips, name="a <b>", data="d&d", by=["speaker", "word"])
    two = commands.score(Spotter(better=True), clips, name="other")
    page = commands_report.page([one, two])
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert "://" not in page and not re.search(r"url\(|@import|<script|\b(src|href)=", page)
    assert "a &lt;b&gt;" in page and "d&amp;d" in page and "is no audio" in page
    assert '<td class="wrong" style="--share: 0.500">1</td>' in page
    assert "unknown (tree)" in page  # of the clips that were misheard
    assert [Path(c.file).stem for c in commands_report.surest_first(one)] == ["1", "5", "7"]
    alone = commands_report.page([commands.score(Spotter(), clips[:4])])
    assert "words missed" not in alone  # nothing to raise an alarm


def test_det_plots_keep_to_their_frame() -> None:
    svg = plots.det([("a & b", [(0.0, 1.0), (0.01, 0.2), (1.0, 0.0)]), ("none", [])], "alarms", "misses")
    (path,) = re.findall(r'class="line line-0" fill="none" d="M([^"]+)"', svg)
    places = [tuple(map(float, place.split())) for place in path.split("L")]
    assert all(0 <= x <= plots.WIDTH and 0 <= y <= plots.HEIGHT for x, y in places)
    assert places[0][0] < places[1][0] < places[2][0] and places[0][1] < places[1][1] < places[2][1]
    assert "a &amp; b" in svg
