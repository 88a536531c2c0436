"""What a person sees while a network trains: lines, the live display, and the page of curves."""

from __future__ import annotations

import base64
import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from resonet.train import display as displays
from resonet.train import log, page, pictures
from resonet.train.display import Display, Live, rates_text, time_text
from resonet.train.loop import Event


def step(number: int, loss: float = 2.0, share: float = 0.25) -> Event:
    values = {"step": number, "pass": 0, "share": share, "rate": 1e-3, "elapsed": 30.0 * number, "seconds": 90.0}
    return Event("step", {**values, "speed": 120.0, "loss": loss})


def validation(number: int) -> Event:
    rates = {"unit_error_rate": 31.25, "wer": 50.0}
    return Event("validation", {"step": number, **rates, "samples": ["so <it> was -> so it"]})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines(monkeypatch) -> None:
    monkeypatch.setattr(displays, "_EVERY", 0.0)
    stream = io.StringIO()
    shown = displays.display(stream=stream)
    assert type(shown) is Display
    with shown:
        shown(Event("data", {"text": "40 utterances"}))
        shown(step(1))
        shown(validation(1))
        shown(validation(1))
        shown(Event("bad", {"step": 2, "names": ["a/1", "a/2"], "file": "bad/step-2.pt"}))
        shown(Event("bundle", {"path": "x", "text": "wrote x"}))
    assert stream.getvalue().splitlines() == [
        "40 utterances",
        " 25%  pass 1  step 1  loss 2.000  rate 1.0e-03  120 s of audio a second  1:30 left",
        "step 1: WER 50.0 %, unit errors 31.2 % on dev",
        "    so <it> was -> so it",
        "step 2 is left out, its gradient is not finite: a/1, a/2 (bad/step-2.pt)",
    ]
    assert shown.last == {"unit_error_rate": 31.25, "wer": 50.0}


def test_quiet_says_what_is_wrong_alone() -> None:
    stream = Terminal()
    shown = displays.display(quiet=True, stream=stream)
    for event in (Event("data", {"text": "40 utterances"}), step(1), validation(1)):
        shown(event)
    assert stream.getvalue() == "" and shown.last
    shown(Event("finding", {"text": "error: silent recordings: 1 (a)"}))
    assert stream.getvalue() == "error: silent recordings: 1 (a)\n"


def test_live_on_a_terminal() -> None:
    stream = Terminal()
    shown = displays.display(stream=stream)
    assert isinstance(shown, Live)
    with shown:
        shown(Event("data", {"text": "40 utterances [not markup]"}))
        shown(step(1))
        shown(validation(1))
        shown(step(2, share=0.5))
    drawn = stream.getvalue()
    for part in ("40 utterances [not markup]", "1:00 left", "step 2  loss 2.000", "WER 50.0 %", "so <it> was", "so it"):
        assert part in drawn


def test_texts() -> None:
    assert rates_text({"phone_error_rate": 7.0, "word_error_rate": 20.0}) == "phone errors 7.0 %, words wrong 20.0 %"
    assert [time_text(s) for s in (0, 65, 7385)] == ["0:00", "1:05", "2:03:05"]


def write_log(folder: Path, *events: Event) -> None:
    lines = [json.dumps({"kind": event.kind, **event.values}) + "\n" for event in events]
    (folder / "log.jsonl").write_text("".join(lines))


def test_page(tmp_path: Path) -> None:
    events = [step(n, loss=5 / n, share=n / 1000) for n in range(1, 1001)]
    write_log(tmp_path, *events[:400], validation(400), *events[400:], validation(1000))
    running = page.write(tmp_path, "a <b>").read_text()
    assert "a &lt;b&gt;" in running and "loads itself again" in running and "so &lt;it&gt; was" in running
    assert "http" not in running.replace("http-equiv", "") and "<script" not in running
    plots = running.split("<svg")[1:]
    assert len(plots) == 5  # loss, rate, speed, unit and word errors
    for plot in plots:
        ElementTree.fromstring("<svg" + plot.split("</svg>")[0] + "</svg>")
    with open(tmp_path / "log.jsonl", "a") as log:
        log.write('{"kind": "bundle", "text": "wrote it"}\n')
    finished = page.write(tmp_path, "b").read_text()
    assert "finished" in finished and "http-equiv" not in finished and "wrote it" in finished


def test_the_page_of_a_stage_has_its_pictures_and_sounds(tmp_path: Path) -> None:
    values = {"step": 2, "unit_ms": 81.237, "shortest_share": 1.26, "duration_loss": float("nan"), "samples": []}
    write_log(tmp_path, step(1), step(2), Event("validation", values), Event("end", {"step": 2}))
    samples = tmp_path / page.SAMPLES
    samples.mkdir()
    pictures.save(samples / "spoken <1>.png", [np.eye(4)])
    (samples / "1 & 2.wav").write_bytes(b"RIFF")
    (samples / "notes.txt").write_text("no sample")
    shown = page.write(tmp_path, "stage").read_text()
    assert "finished" in shown and "http-equiv" not in shown  # a stage ends without a bundle
    encoded = base64.b64encode((samples / "spoken <1>.png").read_bytes()).decode()
    assert f'src="data:image/png;base64,{encoded}"' in shown and "spoken &lt;1&gt;" in shown
    assert 'src="samples/1 &amp; 2.wav"' in shown and "notes" not in shown
    figures = page._figures(page.read(tmp_path))
    assert "<b>81.2</b>median unit on dev, ms" in figures and "<b>1.3 %</b>units of one frame on dev<" in figures
    assert "durations" not in figures and "nan" not in shown
    assert "From dev" not in shown  # no table where nothing was transcribed


def test_the_page_of_a_voice_leads_to_its_stages(tmp_path: Path) -> None:
    write_log(tmp_path, Event("note", {"text": "begins"}))
    for name in ("vocoder", "aligner"):
        (tmp_path / name).mkdir()
        write_log(tmp_path / name, step(1))
        page.write(tmp_path / name, name)
    (tmp_path / "features").mkdir()
    shown = page.write(tmp_path, "voice").read_text()
    assert 'href="aligner/progress.html"' in shown and 'href="vocoder/progress.html"' in shown
    assert shown.index("aligner/") < shown.index("vocoder/") and "features" not in shown
    assert "begins" in shown and "Stages" not in page.write(tmp_path / "aligner", "a").read_text()


def test_a_log_that_was_cut_off_and_resumed(tmp_path: Path) -> None:
    log.cut(tmp_path, 0)  # there is none yet
    write_log(tmp_path, Event("note", {"text": "begins"}), step(1), step(2), validation(2), step(3), validation(3))
    with open(tmp_path / "log.jsonl", "a") as file:
        file.write('{"kind": "st')
    log.cut(tmp_path, 1)
    assert [event["kind"] for event in log.events(tmp_path)] == ["note", "step"]
    for event in (step(2, 7.0), validation(2), validation(2), step(3, float("nan"))):
        log.add(tmp_path, event.kind, event.values)
    run = page.read(tmp_path)
    assert [entry["step"] for entry in run.steps] == [1, 2, 3]
    assert run.curve("loss") == [(0.5, 2.0), (1.0, 7.0)]
    assert run.curve("wer") == [(1.0, 50.0)]
    assert "loss" not in page._figures(run)


def test_one_bad_step_does_not_spoil_the_loss_that_is_shown() -> None:
    shown = Display(io.StringIO())
    for event in (step(1, 3.0), step(2, float("nan")), step(3, 1.0)):
        shown(event)
    assert "loss 2.000" in shown._line() and "step 3" in shown._line()


def test_without_error_rates_there_is_no_line(tmp_path: Path) -> None:
    stream = io.StringIO()
    Display(stream)(Event("validation", {"step": 1, "samples": []}))
    assert stream.getvalue() == ""
