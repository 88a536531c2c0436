"""The automatic split: nobody is in two splits, nobody is lost, and it is the same every time."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.data import split
from resonet.data.utterance import Utterance, split_named

corpus = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8), st.integers(1, 20)), min_size=1, max_size=120).map(
    lambda rows: (
        [Utterance(str(i), Path("a"), f"text {text}", f"s{speaker}") for i, (speaker, text, _) in enumerate(rows)],
        [float(seconds) for _, _, seconds in rows],
    )
)


@settings(deadline=None)
@given(corpus, st.integers(0, 5))
def test_speakers_are_disjoint_and_all_is_kept(rows, seed: int) -> None:
    utterances, seconds = rows
    names = split.assign(utterances, seconds, seed)
    assert len(names) == len(utterances)
    assert set(names) <= {"train", "dev", "test"}
    assert "train" in names
    where = defaultdict(set)
    for utterance, name in zip(utterances, names, strict=True):
        key = utterance.speaker if split.by_speaker(utterances) else split.sentence_key(utterance.text)
        where[key].add(name)
    assert all(len(splits) == 1 for splits in where.values())
    if len(where) >= 3:
        assert set(names) == {"train", "dev", "test"}


@settings(deadline=None)
@given(corpus, st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_files_does_not_matter(rows, seed: int, order: random.Random) -> None:
    utterances, seconds = rows
    names = dict(zip((u.id for u in utterances), split.assign(utterances, seconds, seed), strict=True))
    places = list(range(len(utterances)))
    order.shuffle(places)
    again = split.assign([utterances[i] for i in places], [seconds[i] for i in places], seed)
    assert [names[utterances[i].id] for i in places] == again


def test_shares_of_a_corpus_of_many_speakers() -> None:
    draw = random.Random(1)
    utterances = [Utterance(str(i), Path("a"), "t", f"s{i % 200}") for i in range(4000)]
    seconds = [draw.uniform(1, 15) for _ in utterances]
    names = split.assign(utterances, seconds)
    total = sum(seconds)
    for part in ("dev", "test"):
        share = sum(s for s, name in zip(seconds, names, strict=True) if name == part) / total
        assert 0.04 < share < 0.06


def test_the_seed_changes_the_split() -> None:
    utterances = [Utterance(str(i), Path("a"), "t", f"s{i}") for i in range(100)]
    seconds = [1.0] * 100
    assert split.assign(utterances, seconds, 0) != split.assign(utterances, seconds, 1)


def test_one_voice_is_split_by_sentence_whatever_its_punctuation() -> None:
    texts = ["Hello, you!", "hello you"] + [f"sentence {i}" for i in range(40)]
    utterances = [Utterance(str(i), Path("a"), text, "reader") for i, text in enumerate(texts)]
    for seed in range(20):
        names = split.assign(utterances, [1.0] * len(texts), seed)
        assert names[0] == names[1]
        assert set(names) == {"train", "dev", "test"}


def test_a_great_speaker_stays_in_train() -> None:
    speakers = ["great"] * 90 + ["b"] * 5 + ["c"] * 5
    utterances = [Utterance(str(i), Path("a"), "t", speaker) for i, speaker in enumerate(speakers)]
    for seed in range(10):
        names = split.assign(utterances, [1.0] * 100, seed)
        assert set(names[:90]) == {"train"}


def test_names_of_splits() -> None:
    assert [split_named(name) for name in ("train", "valid", "Test", "dev-clean", "train_si284", "eval")] == [
        *("train", "dev", "test", "dev", "train", "test")
    ]
    assert [split_named(name) for name in ("tester", "training set", "john", "devon")] == [None] * 4


def clips(speakers: list[str], labels: list[str], each: int = 4) -> list[Utterance]:
    return [
        Utterance(f"{label}/{speaker}_{i}", Path("a"), label, speaker)
        for label in labels
        for speaker in speakers
        for i in range(each)
    ]


def test_what_counts_as_labels() -> None:
    assert split.labelled(["yes", "no"] * 5)
    assert split.labelled(["turn on the lights"] * 10)
    assert not split.labelled(["yes", "no"] * 4)  # eight may as well be the first rows of anything
    assert not split.labelled([f"word {i}" for i in range(100)])
    assert not split.labelled(["a sentence that five people read"] * 10)
    assert not split.labelled([*["yes"] * 20, ""])
    assert not split.labelled([])


def test_clips_of_few_voices_are_split_by_label() -> None:
    for speakers in ([""], ["anna"], ["anna", "bo"]):
        found = clips(speakers, ["yes", "no", "up"], each=20)
        assert split.kept_apart(found, labelled=True) == "label"
        names = split.assign(found, [1.0] * len(found), labelled=True)
        for label in ("yes", "no", "up"):
            own = [name for u, name in zip(found, names, strict=True) if u.text == label]
            tenth = len(own) // 10
            assert (own.count("dev"), own.count("test")) == (tenth, tenth)


def test_labels_with_few_clips_keep_one_in_train() -> None:
    found = [
        Utterance(f"{label}{i}", Path("a"), label) for label, n in (("a", 1), ("b", 2), ("c", 3)) for i in range(n)
    ]
    names = split.assign(found, [1.0] * 6, labelled=True)
    by_label = {label: sorted(n for u, n in zip(found, names, strict=True) if u.text == label) for label in "abc"}
    assert by_label == {"a": ["train"], "b": ["dev", "train"], "c": ["dev", "test", "train"]}


@settings(deadline=None, max_examples=40)
@given(st.integers(3, 40), st.integers(0, 3), st.randoms(use_true_random=False))
def test_voices_of_clips_are_kept_apart(voices: int, seed: int, order: random.Random) -> None:
    found = clips([f"s{i}" for i in range(voices)], ["yes", "no"], each=2)
    found += [Utterance(f"noise/{i}", Path("a"), "silence", "") for i in range(10)]
    order.shuffle(found)
    assert split.kept_apart(found, labelled=True) == "speaker"
    names = split.assign(found, [1.0] * len(found), seed, labelled=True)
    where = defaultdict(set)
    labels = defaultdict(set)
    for u, name in zip(found, names, strict=True):
        where[u.speaker].add(name)
        labels[name].add(u.text)
    assert all(len(splits) == 1 for speaker, splits in where.items() if speaker)
    # Clips without a speaker are no voice: they go everywhere, and so does every label.
    assert labels == {name: {"yes", "no", "silence"} for name in ("train", "dev", "test")}


def test_speakers_are_drawn_until_every_label_is_everywhere() -> None:
    # Twenty people, of whom six say the rare word.
    found = clips([f"s{i}" for i in range(20)], ["often"]) + clips([f"s{i}" for i in range(6)], ["rare"])
    for seed in range(5):
        names = split.assign(found, [1.0] * len(found), seed, labelled=True)
        for part in ("train", "dev", "test"):
            assert {u.text for u, name in zip(found, names, strict=True) if name == part} == {"often", "rare"}
