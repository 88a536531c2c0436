"""File names of results: one for each recording, all different, all below the output folder."""

from __future__ import annotations

from pathlib import Path, PurePath

from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.cli._recordings import Recording
from resonet.cli._results import file_names

PART = st.sampled_from(["a", "b", "a.wav", "b.wav", "a.flac", "a-2", "a-2.wav", ".a", "a.b.wav", ".."])


def recording(parts: list[str], given_parts: int) -> Recording:
    name = PurePath(*parts)
    return Recording(str(name), Path(name), PurePath(*parts[min(given_parts, len(parts) - 1) :]))


@settings(deadline=None)
@given(st.lists(st.tuples(st.lists(PART, min_size=1, max_size=3), st.integers(0, 2)), max_size=8))
def test_no_two_results_share_a_name(asked: list[tuple[list[str], int]]) -> None:
    recordings = [recording([*parts, "x.wav"] if parts[-1] == ".." else parts, given) for parts, given in asked]
    # Below the folder that was given there is no way up.
    recordings = [r for r in recordings if ".." not in r.below.parts]
    names = file_names(recordings, ".txt")
    assert len(set(names)) == len(names) == len(recordings)
    for name in names:
        assert name.suffix == ".txt"
        assert not name.is_absolute() and ".." not in name.parts
