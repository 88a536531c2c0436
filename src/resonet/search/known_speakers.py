"""Who of the speakers of an index a voice is most like."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from resonet.runtime.known_voices import Alike
from resonet.search.speakers import Speakers


def known_speakers(speakers: Speakers, voice: NDArray[np.float32], limit: int | None = None) -> list[Alike]:
    """The speakers of an index by how much a voice [size] is like theirs, the most alike first.

    A speaker is as much alike as the recordings are on the mean; one without a name in the index is called by the
    recording.

    Raises:
        SearchIndexError: the index has no voices, or those of another embedder; UsageError: there is no voice.
    """
    near = speakers.alike(voice)
    recordings = speakers.store.recordings_of(number for number, _ in near)
    cosines: dict[str, list[float]] = defaultdict(list)
    for number, cosine in near:
        if recording := recordings.get(number):
            cosines[recording.speaker or PurePath(recording.path).name].append(cosine)
    alike = [Alike(speaker, float(np.mean(several))) for speaker, several in cosines.items()]
    return sorted(alike, key=lambda one: -one.score)[:limit]
