"""What a person sees of a training: a live display on a terminal, plain lines elsewhere; all on stderr."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import Any, TextIO

from resonet.train.loop import Event

# Seconds between two lines where there is no terminal.
_EVERY = 10.0
# Steps over which the loss and the speed that are shown are averaged.
_MEMORY = 30

# What is shown of a validation: its name, and how.
_RATES = {
    "wer": ("WER", ".1f", " %"),
    "unit_error_rate": ("unit errors", ".1f", " %"),
    "phone_error_rate": ("phone errors", ".1f", " %"),
    "word_error_rate": ("words wrong", ".1f", " %"),
    "label_error_rate": ("labels wrong", ".1f", " %"),
    "spelling_error_rate": ("words not nearest to their spelling", ".1f", " %"),
    "equal_error_rate": ("speakers", ".1f", " % EER"),
    "language_error_rate": ("languages wrong", ".1f", " %"),
    "path_loss": ("paths", ".3f", " nats a frame"),
    "unit_ms": ("median unit", ".0f", " ms"),
    "shortest_share": ("units of one frame", ".1f", " %"),
    "mel_difference": ("spectrogram off by", ".3f", ""),
    "spectral_loss": ("spectral loss", ".3f", ""),
    "dissimilarity": ("dissimilarity", ".3f", ""),
    "duration_loss": ("duration", ".3f", ""),
    "pitch_loss": ("pitch", ".3f", ""),
    "energy_loss": ("energy", ".3f", ""),
    "others_moved": ("other speakers moved by", ".3f", ""),
}


class Display:
    """A listener for `train`; use it in a `with`. This one shows lines; `Live` draws them.

    Attributes:
        last: error rates of the last validation, then those of the bundle, percent.
        values: what the last step told.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.last: dict[str, float] = {}
        self.values: dict[str, Any] = {}
        self._stream, self._quiet = stream or sys.stderr, quiet
        self._loss = self._speed = 0.0
        self._steps = 0
        self._checked = -1
        self._shown = time.monotonic()

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    def __call__(self, event: Event) -> None:
        values = event.values
        if event.kind == "step":
            self._note(values)
            self._show_step()
        elif event.kind == "validation":
            again, self._checked = self._checked == values["step"], values["step"]
            self._rates(values)
            if not again:  # the clock may ask for one just before the end does
                self._show_validation(values)
        elif event.kind == "bad":
            names = ", ".join(values["names"][:3])
            self._say(f"step {values['step']} is left out, its gradient is not finite: {names} ({values['file']})")
        elif event.kind == "bundle":  # the command line prints it as its result
            self._rates(values)
        elif "text" in values and not (self._quiet and event.kind in ("data", "probe")):
            self._say(values["text"])

    def _rates(self, values: dict[str, Any]) -> None:
        found = {key: values[key] for key in _RATES if key in values}
        self.last = found or self.last

    def _note(self, values: dict[str, Any]) -> None:
        self.values = values
        if not math.isfinite(values["loss"]):  # a mean with it would never be a number again
            return
        self._steps += 1
        weight = 1 / min(self._steps, _MEMORY)
        self._loss += weight * (values["loss"] - self._loss)
        self._speed += weight * (values["speed"] - self._speed)

    def _show_step(self) -> None:
        if not self._quiet and time.monotonic() - self._shown >= _EVERY:
            self._shown = time.monotonic()
            self._say(self._line())

    def _show_validation(self, values: dict[str, Any]) -> None:
        if not self._quiet and self.last:
            self._say(f"step {values['step']}: {rates_text(self.last)} on dev")
            for sample in values["samples"]:
                self._say(f"    {sample}")

    def _line(self) -> str:
        v = self.values
        return (
            f"{v['share']:4.0%}  pass {v['pass'] + 1}  step {v['step']}  loss {self._loss:.3f}  rate {v['rate']:.1e}  "
            f"{self._speed:.0f} s of audio a second  {time_text(self._left())} left"
        )

    def _left(self) -> float:
        """Seconds to the end, if it goes on as so far; validations not counted."""
        share = self.values["share"]
        return self.values["elapsed"] * (1 - share) / share if share else 0.0

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class Live(Display):
    """Draws with rich: a bar, the figures, the last error rates and a few sentences, at the foot of the terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        from rich.console import Console
        from rich.live import Live as Region

        self._console = Console(file=self._stream, highlight=False, markup=False)
        self._region = Region(console=self._console, refresh_per_second=4, transient=False)
        self._samples: list[str] = []
        self._started = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._started:
            self._region.stop()

    def _show_step(self) -> None:
        if not self._started:  # not before: preparing data has bars of its own
            self._started = True
            self._region.start()
        self._region.update(self._drawn())

    def _show_validation(self, values: dict[str, Any]) -> None:
        self._samples = values["samples"]
        if self._started:
            self._region.update(self._drawn())

    def _say(self, line: str) -> None:
        self._console.print(line)

    def _drawn(self) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        top = Table.grid(padding=(0, 1), expand=True)
        top.add_column(ratio=1)
        top.add_column(justify="right", no_wrap=True)
        top.add_row(ProgressBar(total=1.0, completed=self.values["share"]), f"{time_text(self._left())} left")
        parts: list[Any] = [top, Text(self._line().rsplit("  ", 1)[0], overflow="ellipsis", no_wrap=True)]
        if self.last:
            parts.append(Text(f"step {self._checked}: {rates_text(self.last)} on dev"))
            said = Table.grid(padding=(0, 2))
            for sample in self._samples:
                text, _, heard = sample.partition(" -> ")
                said.add_row(Text(f"  {text}", style="dim"), Text(heard))
            parts.append(said)
        return Group(*parts)


def display(quiet: bool = False, stream: TextIO | None = None) -> Display:
    """The display that fits the stream (stderr by default)."""
    where = stream or sys.stderr
    return Live(where) if where.isatty() and not quiet else Display(where, quiet)


def rates_text(rates: dict[str, float]) -> str:
    """`WER 20.1 %, unit errors 7.3 %`."""
    shown = ((rates[key], *how) for key, how in _RATES.items() if key in rates)
    return ", ".join(f"{name} {value:{form}}{unit}" for value, name, form, unit in shown)


def time_text(seconds: float) -> str:
    """`1:05`, `2:03:05`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
