"""Queries and their places against what was found: the file, the pairing, the measures, the page, the command."""

from __future__ import annotations

import html.parser
import json
import re
import sys
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet import cli
from resonet.errors import DataError, ResonetError, UsageError
from resonet.evaluate import queries, search, search_report
from resonet.evaluate.queries import Archive
from resonet.evaluate.search_result import Found, Result

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "search"))

import small_index

# 3,000 s are searched: a false alarm takes 999.9 / (3,000 - 1) = 0.3334 of a query that is said once.
SECONDS = {"/a/one.wav": 1000.0, "/a/two.wav": 1000.0, "/b/three.wav": 1000.0}
LINES: tuple[dict[str, Any], ...] = (
    {"id": "cat", "query": "cat", "group": "seen", "hits": [{"file": "one.wav", "start": 10.0, "end": 10.4}]},
    {
        "id": "dog",
        "query": '"big dog"',
        "group": "unseen",
        "hits": [{"file": "one.wav", "start": 5, "end": 6}, {"file": "two.wav", "start": 7, "end": 8}],
    },
    {"id": "cow", "query": "cow", "group": "unseen", "hits": []},
)
FOUND = {
    # right, and a false alarm that is only listed
    "cat": [Found("/a/one.wav", 10.1, 10.5, 0.9), Found("/a/two.wav", 1, 2, 0.2, accepted=False)],
    # one of two right, and a false alarm
    '"big dog"': [Found("/a/two.wav", 7.1, 8.1, 0.8), Found("/b/three.wav", 1, 2, 0.7)],
    # said nowhere
    "cow": [Found("/b/three.wav", 3, 4, 0.6)],
}


def write(folder: Path, lines: Iterable[Any] = LINES) -> Path:
    file = folder / "queries.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines) + "\n", encoding="utf-8")
    return file


def ask(query: queries.Query) -> list[Found]:
    return FOUND[query.text]


@pytest.fixture
def result(tmp_path: Path) -> Result:
    read = queries.read(write(tmp_path))
    return search.score(ask, read, Archive(SECONDS, tmp_path), name="index", data="queries")


def test_a_file_of_queries_is_read(tmp_path: Path) -> None:
    spoken = {"audio": "spoken/x.wav", "hits": []}
    file = write(tmp_path, [{"recordings": ["one.wav"]}, *LINES, spoken])
    read = queries.read(file)
    assert read.recordings == ("one.wav",)
    assert [q.id for q in read.queries] == ["cat", "dog", "cow", "5"]
    assert (read.queries[1].text, read.queries[1].group, read.queries[1].hits[1].centre) == ('"big dog"', "unseen", 7.5)
    assert read.queries[3].audio == tmp_path / "spoken/x.wav" and read.queries[3].shown == "x.wav"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 1 is no JSON"),
        ("[1]", "is no JSON object"),
        ('{"query": "a", "hits": [{"file": "a\\u0000", "start": 0, "end": 1}]}', "holds a zero character"),
        ('{"hits": []}', "needs either `query` or `audio`"),
        ('{"query": "a", "audio": "b", "hits": []}', "needs either"),
        ('{"query": " ", "hits": []}', "needs either"),
        ('{"query": "a"}', "no list `hits`"),
        ('{"query": "a", "hits": [], "group": 1}', "`group` is 1"),
        ('{"query": "a", "hits": [{"start": 1, "end": 2}]}', "hit 1 names no `file`"),
        ('{"query": "a", "hits": [{"file": "b", "start": "1", "end": 2}]}', "`start` and `end` are 1 and 2"),
        ('{"query": "a", "hits": [{"file": "b", "start": NaN, "end": 2}]}', "`start` and `end`"),
        ('{"query": "a", "hits": [{"file": "b", "start": 3, "end": 2}]}', "before it starts"),
        ('{"id": "x", "query": "a", "hits": []}\n{"id": "x", "query": "b", "hits": []}', "id 'x' is that of another"),
        ('{"recordings": "a.wav"}', "no list of files"),
        ("", "holds no query"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "queries.jsonl"
    file.write_text(line, encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(said)):
        queries.read(file)
    with pytest.raises(DataError, match="cannot be read"):
        queries.read(tmp_path / "none.jsonl")


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60) | st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists).map(json.dumps))
def test_no_text_breaks_the_reading(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("queries") / "queries.jsonl"
    file.write_text(text, encoding="utf-8", errors="replace")
    with pytest.raises(DataError):
        queries.read(file)


def test_recordings_are_found_by_path_and_by_the_end_of_it(tmp_path: Path) -> None:
    here = str(tmp_path / "x" / "1.wav")
    archive = Archive({here: 1.0, "/d/p/1.wav": 1.0, "/d/q/1.wav": 1.0, "/d/q/2.wav": 1.0}, tmp_path)
    assert archive.find("x/1.wav") == archive.find(here) == here
    assert archive.find("../somewhere/q/2.wav") is None
    assert archive.find("q/2.wav") == archive.find("2.wav") == "/d/q/2.wav"
    assert archive.find("q/1.wav") == "/d/q/1.wav"
    assert archive.find("3.wav") is None
    with pytest.raises(DataError, match=r"1\.wav may be"):
        archive.find("1.wav")
    assert list(archive.only(["q/2.wav", "3.wav"]).seconds) == ["/d/q/2.wav"]


def test_the_values_by_hand(result: Result) -> None:
    # cat: 1. dog: 1/2 - 999.9 / (3,000 - 2) = 0.5 - 0.333522 = 0.166478. cow is said nowhere and counts nowhere.
    whole = result.whole
    assert whole.weighted is not None
    assert whole.weighted.values == pytest.approx([1.0, 0.166478], abs=1e-6)
    assert whole.weighted.atwv == pytest.approx((1 + 0.166478) / 2, abs=1e-6)
    # One threshold: .9 gives 1, .8 gives 1 + 1/2, .7 takes 0.33 again: 1.5 / 2. Nothing right is below: the others too.
    assert (whole.weighted.mtwv, whole.weighted.threshold) == (0.75, 0.8)
    assert (whole.weighted.otwv, whole.weighted.stwv) == (0.75, 0.75)
    assert (result.seconds, result.recordings, whole.queries, whole.absent, whole.absent_alarms) == (3000, 3, 3, 1, 1)
    # Accepted: 1 + 2 + 1 hits, 2 of them right, 3 places: precision 2/4, recall 2/3.
    assert (whole.counts.precision, whole.counts.recall) == (0.5, pytest.approx(2 / 3))
    # Average precision: cat 1, dog (1/1 + 0) / 2; ranks of the first right: 1 and 1; of the first ten 1 and 1 right.
    assert (whole.map, whole.mrr, whole.precision_at_10, whole.recall_at_10) == (0.75, 1.0, 0.1, 0.75)


def test_groups_are_told_apart(result: Result) -> None:
    seen, unseen = result.groups["seen"], result.groups["unseen"]
    assert seen.weighted and unseen.weighted
    assert (seen.weighted.atwv, seen.absent) == (1.0, 0)
    assert unseen.weighted.atwv == pytest.approx(0.166478, abs=1e-6)
    assert (unseen.queries, unseen.weighted.keywords, unseen.absent) == (2, 1, 1)


def test_cross_entropy_over_queries_and_recordings(result: Result) -> None:
    # 9 trials, 3 of them hold the query: cat in one.wav (.9), dog in two.wav (.8), dog in one.wav (nothing found). Of
    # the others .2, .7, .6 and three with nothing. Probabilities become ratios by the odds of 3 in 9, 1/2.
    from resonet.evaluate.metrics import cross_entropy

    p = np.array([0.9, 0.8, 1 / (1 + np.exp(10)), 0.2, 0.7, 0.6] + [1 / (1 + np.exp(10))] * 3)
    ratios = np.log(p / (1 - p)) - np.log(1 / 2)
    targets = [True] * 3 + [False] * 6
    assert result.whole.cnxe == pytest.approx(cross_entropy.normalized(ratios, targets), rel=1e-6)
    assert result.whole.min_cnxe == pytest.approx(cross_entropy.lowest(ratios, targets)[0], abs=1e-6)


def test_a_place_is_found_once_and_the_second_hit_is_a_false_alarm(tmp_path: Path) -> None:
    read = queries.read(write(tmp_path, LINES[:1]))
    twice = [Found("/a/one.wav", 10.0, 10.2, 0.6), Found("/a/one.wav", 10.1, 10.5, 0.9)]
    (answer,) = search.score(lambda _: twice, read, Archive(SECONDS, tmp_path)).answers
    assert [hit.score for hit in answer.found] == [0.9, 0.6]
    assert answer.right == [True, False] and [hit.score for hit in answer.false_alarms] == [0.6]


def test_only_recordings_that_were_looked_through_count(tmp_path: Path) -> None:
    lines = [{"recordings": ["one.wav", "two.wav"]}, *LINES]
    found = search.score(ask, queries.read(write(tmp_path, lines)), Archive(SECONDS, tmp_path))
    assert (found.seconds, found.recordings) == (2000, 2)
    assert found.whole.absent_alarms == 0  # the hit in three.wav
    assert found.whole.weighted and found.whole.weighted.values == pytest.approx([1.0, 0.5])
    with pytest.raises(DataError, match="not among its `recordings`"):
        search.score(
            ask, queries.read(write(tmp_path, [{"recordings": ["one.wav"]}, *LINES])), Archive(SECONDS, tmp_path)
        )


def test_recordings_that_the_index_has_not(tmp_path: Path) -> None:
    read = queries.read(write(tmp_path))
    without = {path: seconds for path, seconds in SECONDS.items() if "two" not in path}
    found = search.score(ask, read, Archive(without, tmp_path))
    assert found.lost == ("two.wav",)
    assert [place.file for _, place in found.answers[1].missed] == ["one.wav", "two.wav"]
    with pytest.raises(DataError, match="has none of them"):
        search.score(ask, read, Archive({"/z.wav": 9.0}, tmp_path))


def test_a_query_that_cannot_be_asked_is_missed_and_told(tmp_path: Path) -> None:
    def fails(query: queries.Query) -> list[Found]:
        if query.id == "dog":
            raise UsageError("a ) closes nothing", "remove it")
        return ask(query)

    found = search.score(fails, queries.read(write(tmp_path)), Archive(SECONDS, tmp_path))
    assert found.failures == [('"big dog"', "a ) closes nothing (remove it)")]
    assert found.whole.weighted and found.whole.weighted.values == pytest.approx([1.0, 0.0])


def test_the_json_holds_the_figures(result: Result) -> None:
    told = json.loads(json.dumps(result.as_dict(queries=True)))
    assert (told["atwv"], told["mtwv"], told["mtwv_threshold"], told["stwv"]) == (0.5832, 0.75, 0.8, 0.75)
    assert (told["keywords"], told["true_hits"], told["seconds_searched"]) == (2, 3, 3000.0)
    assert told["by_group"]["seen"]["atwv"] == 1.0
    assert told["det"][0] == {"threshold": 0.9, "miss": 0.5, "alarm": 0.0}
    assert [hit["right"] for hit in told["queries_scored"][1]["hits"]] == [True, False]
    assert "queries_scored" not in result.as_dict()


class Checker(html.parser.HTMLParser):
    """Keeps the open tags; a page is whole when each is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None: ...

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def sounding(tmp_path: Path) -> Result:
    """Queries on two short recordings that are there; the spoken one is played as well."""
    noise = np.random.default_rng(0).normal(0, 0.1, 16000 * 12).astype(np.float32)
    for name in ("one.wav", "two.wav", "asked.wav"):
        soundfile.write(tmp_path / name, noise[: 16000 * (1 if name == "asked.wav" else 12)], 16000)
    lines = [*LINES[:2], {"audio": "asked.wav", "hits": []}]
    archive = {str(tmp_path / "one.wav"): 1500.0, str(tmp_path / "two.wav"): 1500.0}
    answers = {
        "cat": [Found(str(tmp_path / "one.wav"), 10.1, 10.5, 0.9, text="a cat & a <dog>")],
        '"big dog"': [Found(str(tmp_path / "two.wav"), 1, 1.5, 0.7)],
        "": [Found(str(tmp_path / "one.wav"), 3, 4, 0.6)],
    }
    read = queries.read(write(tmp_path, lines))
    return search.score(lambda query: answers[query.text], read, Archive(archive, tmp_path), name="a <small> one")


def test_the_page_is_whole_plays_and_fetches_nothing(sounding: Result) -> None:
    page = search_report.page([sounding])
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert all(source.startswith("data:audio/ogg;base64,") for source in checker.sources)
    # missed: two of "big dog"; false alarms: hers and that of the spoken query, which is heard, too; found: cat
    assert len(checker.sources) == 6
    for piece in (
        "a &lt;small&gt; one",
        "a cat &amp; a &lt;dog&gt;",
        "Missed (2)",
        "False alarms, the surest first (2)",
    ):
        assert piece in page
    assert "<svg" in page and "://" not in re.sub(r"data:[^\"]*", "", page)


def test_two_results_are_beside_each_other_and_gone_recordings_told(sounding: Result, tmp_path: Path) -> None:
    (tmp_path / "two.wav").unlink()
    file = search_report.write(tmp_path / "page.html", [sounding, sounding])
    page = file.read_text(encoding="utf-8")
    assert page.count("cannot be read any more") == 4  # a missed one and a false alarm, twice
    assert page.count('class="line line-') >= 4


def test_an_evaluation_with_nothing_found_has_a_page(tmp_path: Path) -> None:
    found = search.score(lambda _: [], queries.read(write(tmp_path)), Archive(SECONDS, tmp_path))
    assert found.whole.weighted and found.whole.weighted.threshold == np.inf
    assert "accepting nothing" in search_report.page([found])
    absent = search.score(lambda _: [], queries.read(write(tmp_path, LINES[2:])), Archive(SECONDS, tmp_path))
    assert (absent.whole.weighted, absent.whole.map, absent.whole.cnxe) == (None, None, None)
    assert "said nowhere" in search_report.page([absent])
    assert json.loads(json.dumps(absent.as_dict()))["atwv"] is None


def test_stretches_of_a_recording_are_cut_in_one_pass(tmp_path: Path) -> None:
    file = tmp_path / "steps.wav"
    soundfile.write(file, np.repeat(np.arange(70) / 100, 16000).astype(np.float32), 16000)
    found = dict(search_report.cut(str(file), [(3.5, 4.5), (29.5, 31.0), (69.5, 80.0), (90.0, 91.0)]))
    assert {stretch: len(samples) for stretch, samples in found.items()} == {
        (3.5, 4.5): 16000, (29.5, 31.0): 24000, (69.5, 80.0): 8000}  # fmt: skip
    assert found[29.5, 31.0][[0, 9000, -1]] == pytest.approx([0.29, 0.30, 0.30], abs=1e-3)
    assert search_report.cut(str(tmp_path / "none.wav"), [(0.0, 1.0)]) == []


class FakeFinder:
    """Finds what FOUND says; `cow` cannot be asked of the index `bad`."""

    def __init__(self, index: str) -> None:
        self.index = index
        rows = {path: types.SimpleNamespace(duration=seconds) for path, seconds in SECONDS.items()}
        self.store = types.SimpleNamespace(recordings=lambda: rows)

    @classmethod
    def open(cls, folder: str, threads: int | None = None, bundle: str | None = None) -> FakeFinder:
        return cls(folder)

    def search(self, query: str, limit: int | None = 20) -> list[Found]:
        assert limit is None
        self.notes = ["it cannot listen"] if self.index == "bad" else []
        if self.index == "bad" and query == "cow":
            raise ResonetError("no cows")
        return FOUND[query]

    def __enter__(self) -> FakeFinder:
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    module = types.ModuleType("resonet.search.finder")
    module.Finder = FakeFinder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "resonet.search.finder", module)

    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main(["evaluate", "--task", "search", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_the_command_tells_people_and_programs(evaluate: Any, tmp_path: Path) -> None:
    file = write(tmp_path)
    code, out, err = evaluate("--queries", file, "--index", "talks", "--page", tmp_path / "page.html")
    assert (code, err) == (0, "")
    for piece in ("talks on ", "T = 3000 s (0.83 h)", "ATWV         0.583", "2 queries said 3 times",
                  "one false alarm costs 0.333", "MTWV         0.750 at 0.800", "unseen: 2 queries"):  # fmt: skip
        assert piece in out, piece
    assert "Search: talks" in (tmp_path / "page.html").read_text(encoding="utf-8")
    code, out, err = evaluate("--queries", file, "--index", "talks", "--json", "--utterances")
    assert (code, err, json.loads(out)["index"], len(json.loads(out)["queries_scored"])) == (0, "", "talks", 3)


def test_indexes_are_compared_and_failures_told(evaluate: Any, tmp_path: Path) -> None:
    code, out, err = evaluate("--queries", write(tmp_path), "--index", "talks", "--index", "bad", "--json")
    assert (code, [json.loads(line)["index"] for line in out.splitlines()]) == (1, ["talks", "bad"])
    assert err == "bad: it cannot listen\nresonet: cow: no cows\n"


def test_options_of_other_tasks_are_refused(evaluate: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path)
    assert evaluate("--queries", file)[0] == 2
    code, _, err = evaluate("--queries", file, "--index", "x", "--data", tmp_path)
    assert code == 2 and "--data is not for --task search" in err
    code, _, err = evaluate("--queries", file, "--index", "x", "--bundle", "a", "--bundle", "b")
    assert code == 2 and "takes one --bundle" in err
    assert cli.main(["evaluate", "--queries", str(file), "--data", str(tmp_path)]) == 2
    assert "--queries and --index are for --task search" in capsys.readouterr().err
    assert cli.main(["evaluate", "--task", "classify"]) == 2
    assert "--task classify needs --data" in capsys.readouterr().err


def test_an_index_that_is_really_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Said from 2,000 s on, a word every half second: "big" 2,000.5 to 2,000.9, "dog" 2,001.0 to 2,001.4.
    said = small_index.segment("the big dog saw a cat", 2000.0)
    small_index.build(tmp_path / "index", {"/r/one.flac": [said], "/r/two.flac": ["a dog is big"]})
    lines = [
        {"id": "1", "query": '"big dog"', "hits": [{"file": "r/one.flac", "start": 2000.5, "end": 2001.4}]},
        {"id": "2", "query": "dog", "hits": [{"file": "r/one.flac", "start": 2001.0, "end": 2001.4}]},
        {"id": "3", "query": "(cat", "hits": [{"file": "r/one.flac", "start": 2002.5, "end": 2002.9}]},
    ]
    file = write(tmp_path, lines)
    arguments = ["evaluate", "--task", "search", "--queries", str(file), "--index", str(tmp_path / "index")]
    assert cli.main([*arguments, "--json", "--utterances"]) == 1
    out, err = capsys.readouterr()
    told = json.loads(out)
    # T = 2,003 s for the first and 2 for the second recording. The phrase is found; so is "dog", and once more in the
    # second recording: 1 - 999.9 / 2,004; the third query cannot be asked.
    assert told["seconds_searched"] == 2005.0
    assert told["atwv"] == pytest.approx((1 + 1 - 999.9 / 2004 + 0) / 3, abs=1e-4)
    assert (told["recordings"], told["index"], [f["query"] for f in told["failures"]]) == (2, "index", ["(cat"])
    assert [hit["right"] for hit in told["queries_scored"][0]["hits"]] == [True]
    note, failure = err.splitlines()
    assert "only what was recognized is searched" in note and failure.startswith("resonet: (cat: ")
    # An index that is none is one sentence, exit code 3.
    assert cli.main([*arguments[:-1], str(tmp_path / "none")]) == 3
    assert "holds no index" in capsys.readouterr().err
