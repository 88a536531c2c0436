"""What the doctor says of recordings that are to become a voice: too few, noisy, cut, uneven, or not what is written.

A network that learns to speak copies what it hears: what recognition is hardened by, here is heard in every sentence.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from resonet.bundle.mel import MelConfig
from resonet.data.findings import Finding
from resonet.data.measures import Measured
from resonet.data.split import sentence_key
from resonet.data.utterance import Utterance, speaker_known
from resonet.errors import MissingExtra, ResonetError
from resonet.text.frontend import FrontEnd, voice_symbols

# Hours of one speaker. Under LITTLE a voice of its own is hard to understand, under SOME it is rough.
LITTLE, SOME = 0.25, 1.0
# Seconds: as the recipe `voice` has it.
LONGEST = 20.0
# Hz: a voice speaks at 24,000; below this the bright part of s and f is missing.
LOWEST_RATE = 22050
# dB from a speaker's median: of 3,361 clips of three readers five are further away.
LOUDER = 8.0
# dB of speech over noise: of the same three clips are below the first. A speaker whose median is below the second
# hisses.
NOISY, QUIET = 20.0, 30.0
# Of the samples at full scale.
CLIPPED = 0.001
# dB: a recording that is this loud at its first or last 60 ms has most likely lost a sound there.
CUT = 10.0
# Seconds of silence at an end, and within: training leaves out what has a unit of over 0.8 s.
END, PAUSE = 1.0, 0.8
# Modified z-score of the logarithm of the rate where there are enough clips to know what is usual, at most a factor.
OUTLIER, OUTLIER_NEEDS, FACTOR = 6.0, 50, 2.0
# Units: of a text of a word or two the rate says nothing.
FEWEST = 15
# Seconds: the aligner of a voice works on every second frame, of which each unit needs one.
SHORTEST_UNIT = 2 * MelConfig().shift
# What `doctor` says of any recordings, and is said here in another way.
OWN = frozenset({"clipped", "too long", "low sample rate"})

_EXPECT = (
    "expect words that can be made out from 15 minutes, clear if somewhat flat speech from an hour, a livelier melody "
    "from several"
)


@dataclass(frozen=True)
class Read:
    """A text as a front end reads it. units: how many. left: letters and figures that are not said. fault: why nothing
    can be made of it, else ""."""

    units: int = 0
    left: str = ""
    fault: str = ""


# Text and language -> how it is read.
Reader = Callable[[str, str], Read]


def reader(utterances: Sequence[Utterance], language: str = "en") -> Reader:
    """Reads by the front end of each language, in letters (Mandarin in pinyin), as training does where nobody asks for
    phones. `language`: of utterances that name none."""
    texts: dict[str, list[str]] = defaultdict(list)
    for u in utterances:
        texts[u.language or language].append(u.text)
    ends = {tag: FrontEnd(tag, _symbols(tag, said)) for tag, said in texts.items()}
    return lambda text, tag: read(text, ends[tag or language])


def read(text: str, front_end: FrontEnd) -> Read:
    """The text as the front end reads it. Raises MissingExtra: numbers or Mandarin without the extra [speak]."""
    said = np.zeros(len(text), bool)
    units = 0
    try:
        for sentence in front_end.sentences(text, longest=100_000):
            units += len(sentence.symbols)
            for word in sentence.words:
                said[word.start : word.end] = True
    except MissingExtra:
        raise
    except ResonetError as error:
        return Read(fault=error.message)
    left = dict.fromkeys(c for c, heard in zip(text, said, strict=True) if c.isalnum() and not heard)
    return Read(units, " ".join(left))


def findings(measured: Sequence[Measured], texts: Mapping[str, Read]) -> Iterator[Finding]:
    """Everything about a voice; `texts` as they are read, by the utterance's id. Recordings as such are judged
    elsewhere."""
    usable = [m for m in measured if not m.fault]
    by_speaker: dict[str, list[Measured]] = defaultdict(list)
    for m in usable:
        by_speaker[m.utterance.speaker].append(m)
    yield from _hours(by_speaker)
    yield from _speakers(by_speaker)
    yield from _read(usable, texts)
    yield from _sound(usable)
    yield from _even(by_speaker)
    yield from _silences(usable)
    yield from _rates(by_speaker, texts)
    yield from _read_twice(usable)


def unusable(measured: Sequence[Measured], texts: Mapping[str, Read]) -> set[str]:
    """The utterances that training must leave out, by id: not read, or with more units than have time in it."""
    return {m.utterance.id for m in measured if _fault(m, texts[m.utterance.id])}


def _symbols(tag: str, texts: Sequence[str]) -> tuple[str, ...]:
    base = tag.replace("_", "-").split("-")[0].lower()
    # Of English the alphabet is known; letters of another one in its texts are not to become units.
    return voice_symbols("und", ["abcdefghijklmnopqrstuvwxyz"]) if base == "en" else voice_symbols(tag, texts)


def _fault(m: Measured, text: Read) -> str:
    if text.fault:
        return text.fault
    most = int(m.seconds / SHORTEST_UNIT)
    return f"{text.units} units in {m.seconds:.2f} s" if text.units > most else ""


def _hours(by_speaker: Mapping[str, Sequence[Measured]]) -> Iterator[Finding]:
    hours = {
        speaker: sum(m.seconds for m in found if m.utterance.split in (None, "train")) / 3600
        for speaker, found in by_speaker.items()
    }
    shown = {speaker: f"{_name(speaker)}: {60 * time:.0f} min" for speaker, time in sorted(hours.items())}
    yield Finding(
        "few minutes",
        "warning",
        f"speakers with less than {60 * LITTLE:.0f} minutes to learn from",
        tuple(text for speaker, text in shown.items() if 0 < hours[speaker] < LITTLE),
        f"record more, or make them one more speaker of a trained voice (`resonet adapt`): {_EXPECT}",
    )
    yield Finding(
        "less than an hour",
        "note",
        "speakers with less than an hour to learn from",
        tuple(text for speaker, text in shown.items() if LITTLE <= hours[speaker] < SOME),
        f"{_EXPECT}; other speakers of the same language help",
    )
    yield Finding(
        "speaker not in train",
        "warning",
        "speakers of whom nothing is in train, and whom the voice will not have",
        tuple(_name(speaker) for speaker, time in sorted(hours.items()) if not time),
        "move some of their recordings to train",
    )


def _speakers(by_speaker: Mapping[str, Sequence[Measured]]) -> Iterator[Finding]:
    unknown = [speaker for speaker in by_speaker if not speaker_known(speaker)]
    yield Finding(
        "unknown speakers",
        "warning",
        "clips whose speaker is not known, beside others whose speaker is",
        tuple(m.utterance.id for speaker in unknown for m in by_speaker[speaker])
        if len(unknown) < len(by_speaker)
        else (),
        "name their speaker, or remove them: all of them together become one speaker of the voice",
    )


def _read(usable: Sequence[Measured], texts: Mapping[str, Read]) -> Iterator[Finding]:
    yield Finding(
        "text not read",
        "error",
        "texts of which the front end can make nothing",
        tuple(f"{m.utterance.id}: {text.fault}" for m in usable if (text := texts[m.utterance.id]).fault),
        "write them as they are said, in the letters of their language; training leaves them out",
    )
    yield Finding(
        "too many units",
        "error",
        f"texts with more units than fit into their recording at {1000 * SHORTEST_UNIT:.0f} ms each",
        tuple(
            f"{m.utterance.id}: {fault}"
            for m in usable
            if not (text := texts[m.utterance.id]).fault and (fault := _fault(m, text))
        ),
        "is it the right text, is the recording whole? training leaves them out",
    )
    yield Finding(
        "not said in full",
        "warning",
        "texts with characters that the front end leaves out",
        tuple(f"{m.utterance.id}: {text.left}" for m in usable if (text := texts[m.utterance.id]).left),
        "write what is said in the letters of the language: what is heard and not written makes other sounds unclear",
    )


def _sound(usable: Sequence[Measured]) -> Iterator[Finding]:
    yield Finding(
        "clipped",
        "warning",
        f"clipped recordings (more than {CLIPPED:.1%} of the samples at full scale)",
        tuple(f"{m.utterance.id}: {m.clipped:.2%}" for m in usable if m.clipped > CLIPPED),
        "record them at a lower level, or remove them: the voice learns to rattle",
    )
    yield Finding(
        "too long",
        "warning",
        f"recordings longer than {LONGEST:.0f} s",
        tuple(f"{m.utterance.id}: {m.seconds:.1f} s" for m in usable if m.seconds > LONGEST),
        "cut them at pauses into segments with start and end; training leaves out what is over the recipe's `longest`",
    )
    rates = Counter(m.sample_rate for m in usable)
    yield Finding(
        "low sample rate",
        "warning",
        f"sample rates below {LOWEST_RATE} Hz",
        tuple(f"{rate} Hz: {rates[rate]} recordings" for rate in sorted(rates) if rate < LOWEST_RATE),
        "the voice will sound as dull as they do: take the recordings as they were before they were resampled",
    )
    yield Finding(
        "several sample rates",
        "warning" if min(rates, default=0) < LOWEST_RATE else "note",
        "recordings have different sample rates",
        tuple(f"{rate} Hz: {rates[rate]} recordings" for rate in sorted(rates)) if len(rates) > 1 else (),
        "all become 24000 Hz; of one speaker take those of one rate, or the voice is bright and dull by turns",
    )
    yield Finding(
        "noise",
        "warning",
        f"recordings with noise less than {NOISY:.0f} dB below the speech",
        tuple(f"{m.utterance.id}: {m.speech.noise:.1f} dB" for m in usable if m.speech and m.speech.noise < NOISY),
        "remove them, or record again in a quiet room: a voice learns what is behind the words too",
    )


def _even(by_speaker: Mapping[str, Sequence[Measured]]) -> Iterator[Finding]:
    hiss, uneven = [], []
    for speaker, found in sorted(by_speaker.items()):
        heard = [(m, m.speech) for m in found if m.speech]
        if not heard:
            continue
        noise = float(np.median([speech.noise for _, speech in heard]))
        if noise < QUIET:
            hiss.append(f"{_name(speaker)}: {noise:.0f} dB")
        usual = float(np.median([speech.level for _, speech in heard]))
        uneven += [
            f"{m.utterance.id}: {speech.level - usual:+.1f} dB"
            for m, speech in heard
            if abs(speech.level - usual) > LOUDER
        ]
    yield Finding(
        "noisy speaker",
        "warning",
        f"speakers whose recordings have their noise less than {QUIET:.0f} dB below the speech",
        tuple(hiss),
        "the voice will hiss as they do: take the noise off all recordings alike, or record in a quieter place",
    )
    yield Finding(
        "uneven loudness",
        "warning",
        f"recordings more than {LOUDER:.0f} dB louder or quieter than is usual for their speaker",
        tuple(uneven),
        "training brings all to one level, but not to one distance from the microphone: listen, and record those again "
        "that sound as if from elsewhere",
    )


def _silences(usable: Sequence[Measured]) -> Iterator[Finding]:
    heard = [(m, m.speech) for m in usable if m.speech]
    cut = [m for m in usable if m.edge < CUT]
    names = tuple(f"{m.utterance.id}: {m.edge:.0f} dB below the loudest" for m in cut)
    close = 2 * len(cut) > len(usable)
    yield Finding(
        "trimmed close" if close else "word cut",
        "note" if close else "warning",
        "recordings that begin or end within their first or last word, as most here do"
        if close
        else f"recordings whose first or last 60 ms are within {CUT:.0f} dB of the loudest: a word may be cut",
        names,
        "listen to some, and remove those of which a sound is missing; else keep 0.2 s before and after the words",
    )
    yield Finding(
        "silence at the ends",
        "note",
        f"recordings with more than {END:.0f} s before or after the speech",
        tuple(
            f"{m.utterance.id}: {speech.before:.1f} s before, {speech.after:.1f} s after"
            for m, speech in heard
            if max(speech.before, speech.after) > END
        ),
        "no harm: training cuts silence to 0.1 s; but is their text whole?",
    )
    yield Finding(
        "long pause",
        "warning",
        f"recordings with more than {PAUSE} s of silence within",
        tuple(f"{m.utterance.id}: {speech.pause:.2f} s" for m, speech in heard if speech.pause > PAUSE),
        "cut them in two there: training leaves out what has a pause that long; is something missing in the text?",
    )


def _rates(by_speaker: Mapping[str, Sequence[Measured]], texts: Mapping[str, Read]) -> Iterator[Finding]:
    outliers = []
    for speaker in sorted(by_speaker):
        rates = [(m, rate) for m in by_speaker[speaker] if (rate := _rate(m, texts[m.utterance.id]))]
        if not rates:
            continue
        logs = np.log([rate for _, rate in rates])
        away = np.abs(logs - np.median(logs))
        most = np.log(FACTOR)
        if len(rates) >= OUTLIER_NEEDS:
            # 1.4826: the median deviation of a normal distribution in standard deviations.
            most = min(most, OUTLIER * 1.4826 * float(np.median(away)) or np.inf)
        usual = np.exp(np.median(logs))
        outliers += [
            f"{m.utterance.id}: {rate:.1f} ({usual:.1f} is usual)"
            for (m, rate), distance in zip(rates, away, strict=True)
            if distance > most
        ]
    yield Finding(
        "speaking rate",
        "warning",
        "recordings with far more or fewer units a second than is usual for their speaker",
        tuple(outliers),
        "listen: most often the text belongs to another recording, or one of the two is not whole",
    )


def _rate(m: Measured, text: Read) -> float:
    """Units a second of speech; 0 where that is not known or says nothing."""
    seconds = m.speech.seconds if m.speech else m.seconds
    return text.units / seconds if seconds > 0 and text.units >= FEWEST and not _fault(m, text) else 0.0


def _read_twice(usable: Sequence[Measured]) -> Iterator[Finding]:
    by_text: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    for m in usable:
        if key := sentence_key(m.utterance.text):
            by_text[m.utterance.speaker, key].append(m)
    yield Finding(
        "read several times",
        "note",
        "sentences that one speaker reads more than once",
        tuple(
            " = ".join(f"{m.utterance.id} ({m.seconds:.1f} s)" for m in group)
            for group in by_text.values()
            if len({m.sound or m.utterance.id for m in group}) > 1
        ),
        "no fault where all are right; else keep the best one: the voice learns the mean of what it hears",
    )


def _name(speaker: str) -> str:
    return speaker or "(unknown)"
