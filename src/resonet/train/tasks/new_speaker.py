"""A speaker more for an acoustic model: a row in each table of speakers learns, and then, lightly, the decoder's end.

What a speaker has of its own is an embedding and the scale and shift of every block's norm: some thousand numbers, for
which minutes of speech are enough. All else is frozen, so that the others sound as before. The end of the decoder,
which learns after that, is everybody's: there the others' speech of before is learnt beside the new one's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from resonet import audio
from resonet.train import losses
from resonet.train.base_voice import BaseVoice, load
from resonet.train.recipe import Recipe
from resonet.train.start import MEASURES
from resonet.train.tasks.synthesize import Synthesize
from resonet.train.voice_corpus import VoiceBatch, VoiceCorpus, batch, mask, to

# Parts of the network that all speakers share and that learn at last: what makes a spectrogram of the decoder's frames.
_END = ("final", "final_norm", "output")
# Others that a new speaker may begin as, the nearest in pitch, and seconds of speech by which they are compared.
_CANDIDATES, _COMPARED = 12, 40.0
# Utterances whose sound stands in the page.
_HEARD = 3

Speak = Callable[[NDArray[np.float32]], NDArray[np.float32]]
Rows = dict[str, Tensor]


class Grown(nn.Module):
    """A table [n + 1, width] of which the first n rows are fixed and the last one learns; used as an Embedding is."""

    known: Tensor

    def __init__(self, known: Tensor, row: Tensor) -> None:
        super().__init__()
        self.register_buffer("known", known.clone())
        self.row = nn.Parameter(row.reshape(1, -1).clone())

    @property
    def weight(self) -> Tensor:
        """The whole table."""
        return torch.cat([self.known, self.row])

    def forward(self, index: Tensor) -> Tensor:
        return F.embedding(index, self.weight)


class NewSpeaker(Synthesize):
    """The task of a speaker more; see `train.loop.Task`. Corpora count the new speaker as the last one.

    Args:
        durations: of train and dev, as `Synthesize` has them.
        rows: what the new speaker's rows begin as (`rows_of` another task); None: as those of the speaker, or the mean
            of all, that says the recordings best; `began` names it.
        end: the decoder's end learns too.
        speak: the vocoder, for sounds in the page: log-mel [frames, mels] -> samples.

    Attributes:
        grown: name of each table that has a new row -> its module.
        began: whom the new speaker began as; "" where rows were given.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: VoiceCorpus,
        dev: VoiceCorpus,
        durations: tuple[Sequence[NDArray[np.int64]], Sequence[NDArray[np.int64]]],
        folder: Path,
        base: BaseVoice,
        *,
        rows: Rows | None = None,
        end: bool = False,
        speak: Speak | None = None,
    ) -> None:
        self.base, self._speak, self.began = base, speak, ""
        super().__init__(recipe, train, dev, len(base.units.symbols), durations, folder)
        self._others: Any = load(base.network(), base.weights, base.name).requires_grad_(False).to(recipe.device)
        self.grown = self._grow()
        self.network.requires_grad_(False)
        for table in self.grown.values():
            table.row.requires_grad_(True)
        if rows is None:
            self.began = self._begin()
        else:
            self._set(rows)
        self._shared = end
        if end:
            for part in _END:
                getattr(self.network, part).requires_grad_(True)

    def _grow(self) -> dict[str, Grown]:
        """Puts the weights of the base into the network, whose tables of speakers get a row more; that is the mean."""
        weights, own = self.base.weights, self.network.state_dict()
        tables = {name: module for name, module in self.network.named_modules() if _is_table(name, module)}
        measures = {name: torch.cat([weights[name].to(own[name]), own[name][-1:]]) for name in MEASURES}
        loaded = {name: measures.get(name, weights[name]) for name in own if name.removesuffix(".weight") not in tables}
        self.network.load_state_dict(loaded, strict=False)
        grown = {}
        for name in tables:
            known = weights[f"{name}.weight"].to(self.recipe.device)
            holder, _, attribute = name.rpartition(".")
            grown[name] = Grown(known, known.mean(0))
            setattr(self.network.get_submodule(holder), attribute, grown[name])
        return grown

    @torch.no_grad()
    def _begin(self) -> str:
        """Sets the rows to those that the recordings are most likely of; says whose they are."""
        self.network.eval()
        heard = self._some()
        names = self.base.manifest.speakers
        tried: list[tuple[float, str, Rows]] = []
        nearest = self.base.nearest(self.train.speakers.ranges[-1].mean, self.train.languages[self.train.language[0]])
        for number in (None, *nearest[:_CANDIDATES]):
            rows = {n: t.known.mean(0) if number is None else t.known[number] for n, t in self.grown.items()}
            self._set(rows)
            loss = float(np.mean([float(self._compared(to(b, self.recipe.device))[0]["loss"]) for b in heard]))
            tried.append((loss, "the mean of all" if number is None else names[number], rows))
        if len(names) == 1:  # the mean is that one
            tried = tried[1:]
        _, name, rows = min(tried, key=lambda found: found[0])
        self._set(rows)
        return name

    def _some(self) -> list[VoiceBatch]:
        """Some of the recordings."""
        found, seconds = [], 0.0
        for rows in self._plan(0):
            found.append(batch(self.train, rows, self.prosody))
            seconds += found[-1].seconds
            if seconds >= _COMPARED:
                break
        return found

    @torch.no_grad()
    def _set(self, rows: Rows) -> None:
        for name, row in rows.items():
            self.grown[name].row.copy_(row.reshape(1, -1))

    def rows_of(self) -> Rows:
        """The new speaker's rows as they are now, by the name of their table."""
        return {name: table.row.detach().clone() for name, table in self.grown.items()}

    def loss(self, made: VoiceBatch, progress: float) -> dict[str, Tensor]:
        """That of `Synthesize`; while the decoder's end learns, also how far the others are from how they spoke."""
        parts = super().loss(made, progress)
        keep = self.recipe.adapt.keep
        if self._shared and keep and not self.recipe.adapt.only:
            parts["others"] = self._moved(made)
            parts["loss"] = parts["loss"] + keep * parts["others"]
        return parts

    def _moved(self, made: VoiceBatch) -> Tensor:
        """Mean difference (deviations of log-mels) of what others say for half of the batch, now and before."""
        half = (len(made.names) + 1) // 2
        b = to(made, self.recipe.device)
        who = torch.randint(len(self.base.manifest.speakers), (half,)).to(b.units.device)
        inputs = (b.units[:half], b.lengths[:half], who, b.language[:half], b.durations[:half], b.pitch[:half],
                  b.energy[:half])  # fmt: skip
        learning = self.network.training
        # Without dropout: what is frozen is then the same in both.
        self.network.eval()
        with torch.no_grad():
            before = self._others.teach(*inputs).mel
        now = self.network.teach(*inputs).mel
        self.network.train(learning)
        there = mask(b.durations[:half].sum(1), now.shape[1])
        with torch.autocast(b.mel.device.type, enabled=False):
            return losses.masked_l1(now.float(), before.float(), there) / self.network.mel_deviation

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """That of `Synthesize`, and how far the others have moved on dev, in nepers."""
        found = super().validate()
        if self._shared and not self.recipe.adapt.only:
            state = torch.get_rng_state()
            torch.manual_seed(0)
            moved = [float(self._moved(made)) for made in self._checked()]
            torch.set_rng_state(state)
            found["others_moved"] = float(np.mean(moved)) * float(self.network.mel_deviation)
        return found

    def _checked(self) -> Iterator[VoiceBatch]:
        for rows in self._dev_batches():
            yield batch(self.dev, rows, self.dev_prosody)

    def samples(self) -> list[str]:
        """Pictures, and dev utterances in `samples` as recorded and as the voice says their texts."""
        texts = super().samples()
        if self._speak is None:
            return texts
        place, rate = self.folder / "samples", self.train.mel_config.sample_rate
        for k, i in enumerate(self.dev_rows[:_HEARD], 1):
            audio.write(place / f"{k}-recorded.wav", self.dev.waves.sound(i), rate)
            audio.write(place / f"{k}-spoken.wav", self._speak(self.free(self.dev, i)), rate)
        return texts

    def whole(self) -> Any:
        """A plain network with all weights as they are now; with `only`, of the new speaker alone."""
        only = self.recipe.adapt.only
        made = self.base.network(1 if only else len(self.base.manifest.speakers) + 1)
        state = self.network.state_dict()
        for name, table in self.grown.items():
            state[f"{name}.weight"] = table.row if only else table.weight
            del state[f"{name}.known"], state[f"{name}.row"]
        if only:
            for name in MEASURES:
                state[name] = state[name][-1:]
        made.load_state_dict(state)
        return made.eval()


def _is_table(name: str, module: nn.Module) -> bool:
    """Whether a module of an acoustic model has a row a speaker."""
    return isinstance(module, nn.Embedding) and (name == "speakers" or name.endswith("scale_shift"))
