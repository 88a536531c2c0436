"""The tables of docs/scale.md: what was measured, and a million hours reckoned from that.

    python benchmarks/search_million.py [--page docs/scale.md]

Reads search-cost.json, search-latency.json, search-scale.json in benchmarks/results, and prints Markdown, or writes it
into the page, between `<!-- table NAME -->` and `<!-- end -->`. Nothing is measured here.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
HOURS, MANY = 1_000, 1_000_000
# Of search by voice: windows of 0.08 s, of which every second begins a run of five (resonet.search.windows).
WINDOW, STEP, RUN = 0.08, 2, 5
# Qdrant: a byte a number in memory, and 2 * 16 links of 4 bytes at the lowest level of its graph (its default, m = 16).
LINKS = 2 * 16 * 4
KINDS = {
    "text": "words and phrases of the text (`--exact`)",
    "sounds": "rare words, listened for",
    "vector": "the 200 vectors nearest to one",
    "voice": "a spoken query, all of it",
    "meaning": "by meaning (wordllama)",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path)
    args = parser.parse_args()
    found = {}
    for name in ("cost", "latency", "scale"):
        if (path := RESULTS / f"search-{name}.json").exists():
            found[name] = json.loads(path.read_text("utf-8"))
    tables = {name: make(found[name]) for name, make in MAKE.items() if name in found}
    if {"cost", "scale"} <= found.keys():
        tables["million"] = million(found["cost"], found["scale"])
    if args.page is None:
        print("\n\n".join(tables.values()))
        return
    page = args.page.read_text("utf-8")
    for name, table in tables.items():
        pattern = rf"(<!-- table {name} -->\n).*?(<!-- end -->)"
        page = re.sub(pattern, lambda match, table=table: f"{match[1]}{table}\n{match[2]}", page, flags=re.DOTALL)
    args.page.write_text(page, "utf-8")


def cost(measured: dict[str, Any]) -> str:
    sizes = measured["bytes_an_hour"]
    rows = [
        ("processor time to recognize, embed and index", f"{measured['cpu_seconds_an_hour']:.0f} s"),
        ("segments", f"{measured['segments_an_hour']:,.0f}"),
        *((f"bytes of {key}", f"{sizes[key] / 1e6:.2f} MB") for key in ("text", "posteriors", "vectors")),
        ("bytes of the file", f"{sizes['file'] / 1e6:.2f} MB"),
    ]
    if found := measured["meaning"]:
        rows += [
            ("processor time for vectors of sentences (wordllama)", f"{found['cpu_seconds_an_hour']:.2f} s"),
            ("bytes of them", f"{found['bytes_an_hour'] / 1e6:.2f} MB"),
        ]
    head = f"| {measured['hours']:.2f} hours, {measured['recordings']} recordings | an hour |\n|---|---|\n"
    return head + "\n".join(f"| {name} | {value} |" for name, value in rows)


def latency(measured: dict[str, Any]) -> str:
    head = (
        f"| {measured['hours_of_speech']:,.0f} hours of speech, {measured['segments']:,} segments, "
        f"{measured['bytes']['file'] / 1e9:.1f} GB; milliseconds a query | processor, median | processor, p95 "
        "| clock, p95 |\n|---|---|---|---|\n"
    )
    return head + "\n".join(
        f"| {KINDS[kind]} | {short(found['cpu_ms_median'])} | {short(found['cpu_ms_p95'])} "
        f"| {short(found['clock_ms_p95'])} |"
        for kind, found in measured["kinds"].items()
    )


def scale(measured: dict[str, Any]) -> str:
    about = (
        f"{measured['vectors']:,} vectors of {measured['simulated_of']['numbers']} numbers, "
        f"{measured['lists']:,} lists: trained in {measured['training']['cpu_seconds']:.0f} s of processor "
        f"time, added in {measured['adding']['cpu_seconds']:.0f} s; {measured['bytes_a_vector']:.1f} bytes a vector "
        f"({measured['bytes'] / 1e6:.0f} MB); comparing with all of them takes "
        f"{short(measured['exact_cpu_ms_a_query'])} ms a query in a batch of {measured['queries']:,}.\n\n"
    )
    head = (
        "| lists searched | of the nearest 10, among the first 10 | 100 | 200 | processor ms, median | p95 |\n"
        "|---|---|---|---|---|---|\n"
    )
    return (
        about
        + head
        + "\n".join(
            f"| {row['lists_searched']} | {row['recall_10_in_10']:.2f} | {row['recall_10_in_100']:.2f} "
            f"| {row['recall_10_in_200']:.2f} | {short(row['cpu_ms_median'])} | {short(row['cpu_ms_p95'])} |"
            for row in measured["by_probes"]
        )
    )


def million(cost: dict[str, Any], scale: dict[str, Any]) -> str:
    spoken, segments = cost["hours_of_segments"] / cost["hours"], cost["segments_an_hour"]
    vectors = (spoken * 3600 / WINDOW - segments * (RUN - 1)) / STEP
    adding = scale["adding"]["cpu_seconds"] / scale["vectors"]
    compressed, plain = scale["bytes_a_vector"], scale["simulated_of"]["numbers"] + LINKS
    sizes = cost["bytes_an_hour"]
    rows = [
        ("processor time, to recognize, embed and index (core days)", cost["cpu_seconds_an_hour"] / 86400),
        ("segments (millions)", segments / 1e6),
        ("index on disk (GB)", sizes["file"] / 1e9),
        *((f"of it {key} (GB)", sizes[key] / 1e9) for key in ("text", "posteriors", "vectors")),
        ("vectors that search by voice looks up (millions)", vectors / 1e6),
        ("memory for them, FAISS (GB)", vectors * compressed / 1e9),
        ("processor time to add them, FAISS (core days)", vectors * adding / 86400),
        ("memory for them, Qdrant (GB)", vectors * plain / 1e9),
    ]
    if found := cost["meaning"]:
        rows += [
            ("vectors of sentences (GB)", found["bytes_an_hour"] / 1e9),
            ("processor time for them (core days)", found["cpu_seconds_an_hour"] / 86400),
        ]
    head = f"| reckoned | {HOURS:,} hours | {MANY:,} hours |\n|---|---|---|\n"
    return head + "\n".join(f"| {name} | {short(value * HOURS)} | {short(value * MANY)} |" for name, value in rows)


def short(value: float) -> str:
    """Two digits that count."""
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


MAKE = {"cost": cost, "latency": latency, "scale": scale}

if __name__ == "__main__":
    main()
