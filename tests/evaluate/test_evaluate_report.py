"""The page: whole, without anything to fetch, and safe with any text."""

from __future__ import annotations

import html.parser
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resonet.errors import ResonetError
from resonet.evaluate import plots, recognition, references, report
from resonet.evaluate.metrics.confidence import Bin

VOID = {"meta", "br"}


class Checker(html.parser.HTMLParser):
    """Keeps the open tags; a page is whole when each is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def result(corpus: Path, parrot: Any) -> recognition.Result:
    return recognition.score(
        parrot(bad=["1.wav"]), references.read(corpus), name="en <small>", data="d&d", vocabulary={"the"}
    )


def test_the_page_is_whole_and_fetches_nothing(result: recognition.Result) -> None:
    page = report.page([result, replace(result, name="other")])
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert not {"script", "link", "img", "iframe"} & checker.seen
    assert "://" not in page
    assert not re.search(r"url\(|@import|\b(src|href)=", page)


def test_the_page_shows_the_errors(result: recognition.Result) -> None:
    page = report.page([result])
    assert "en &lt;small&gt;" in page and "<small>" not in page
    assert "d&amp;d" in page
    assert '<span class="substitute">THE<i>A</i></span>' in page
    assert '<span class="delete">NOW<i>\u00a0</i></span>' in page
    assert '<span class="insert">\u00a0<i>A</i></span>' in page
    assert "is no audio" in page
    assert page.count("<svg") == 6  # histogram, length, speaker, subset, gender, confidence


def test_worst_come_first_and_right_ones_not_at_all(result: recognition.Result) -> None:
    worst = report.worst_first(result)
    rates = [u.words.rate for u in worst]
    assert rates == sorted(rates, reverse=True) and min(rates) > 0
    assert worst[0].said == "GOOD MORNING"


def test_a_long_result_makes_a_page_of_bounded_size(result: recognition.Result) -> None:
    many = replace(result, utterances=result.utterances * 2000)
    page = report.page([many])
    assert page.count('class="utterance"') == report.SHOWN
    assert f"The worst {report.SHOWN} of 6000" in page


def test_written_whole_or_not_at_all(result: recognition.Result, tmp_path: Path) -> None:
    assert report.write(tmp_path / "r.html", [result]).read_text(encoding="utf-8").endswith("</html>\n")
    with pytest.raises(ResonetError, match="cannot be written"):
        report.write(tmp_path / "none" / "r.html", [result])
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["r.html"]


def test_plots_stay_inside_their_frame() -> None:
    svg = plots.bars(["a", "b & c"], [0.0, 250.0], [None, (200.0, 300.0)], title="WER")
    heights = [float(h) for h in re.findall(r'class="bar".*?height="([\d.]+)"', svg)]
    assert heights[0] == 0 and 0 < heights[1] < plots.HEIGHT
    assert "b &amp; c" in svg
    assert plots.bars([], []).startswith("<svg")
    dots = re.findall(r'cx="([\d.]+)"', plots.reliability([Bin(0.9, 1.0, 5, 1.0, 0.5)]))
    assert float(dots[0]) <= plots.WIDTH
