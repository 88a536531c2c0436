"""Ten million vectors in one index: how long it takes to make, how large it is, what it misses, how fast it answers.

    python benchmarks/search_scale.py INDEX [--vectors 10000000] [--lists 2048]

INDEX is a folder that `resonet index` made, with an embedder. Its vectors are those that search by voice looks up: runs
of windows. Simulated ones are real ones moved by a share (0.5 to 1, seeded) of the step between two other runs that
follow each other: as dense and as uneven as real speech. Queries are made likewise, and are not in the index.

FAISS: inverted lists of product-quantized residuals, as resonet.search.vectors makes them, trained on 262,144 vectors,
one thread. Recall: of the ten nearest vectors, found exactly among all, those among the first that FAISS gives. Time is
that of one query alone; processor time, for machines that do other things meanwhile, and by the clock. The vectors are
made anew a block at a time and never all held. Needs the extra [faiss]. The result goes to
benchmarks/results/search-scale.json (`--output`).
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faiss
import machine
import numpy as np
from numpy.typing import NDArray

from resonet.search.store import Store
from resonet.search.windows import runs, unpack

HERE = Path(__file__).resolve().parent
TRAINED, BLOCK, QUERIES, NEAREST, GIVEN = 1 << 18, 100_000, 1_000, 10, (10, 100, 200)
TIMED = 200  # queries that are asked one by one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--vectors", type=int, default=10_000_000)
    parser.add_argument("--lists", type=int, default=2048)
    parser.add_argument("--code", type=int, default=4, help="numbers of a vector that share a byte")
    parser.add_argument("--probes", type=int, nargs="+", default=[8, 16, 32, 64, 128])
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "search-scale.json")
    args = parser.parse_args()
    faiss.omp_set_num_threads(1)
    made = Made(real(args.index), args.seed)
    result = {
        "question": "what an index of so many vectors costs, misses, and how fast it answers",
        "simulated_of": {"real_vectors": len(made.real), "numbers": made.size},
        "vectors": args.vectors,
        "lists": args.lists,
        "bytes_of_code": made.size // args.code,
        "trained_on": TRAINED,
        "machine": machine.describe(),
        "versions": machine.versions(["resonet", "faiss-cpu", "numpy"]),
        **measured(made, args.vectors, args.lists, args.code, args.probes),
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def real(folder: Path) -> NDArray[np.float32]:
    """All runs of windows in an index, float32 [n, size], in the order in which they were said."""
    with Store.open(folder) as store:
        size = store.meta["windows"]["size"]
        return np.concatenate([runs(unpack(blob, size), step=1) for _, blob in store.column("windows")]).astype(
            np.float32
        )


class Made:
    """Simulated vectors, of length 1. Args: real: float32 [n, size]. seed: each block's own is made of it."""

    def __init__(self, real: NDArray[np.float32], seed: int) -> None:
        self.real, self.seed, self.size = real, seed, real.shape[1]

    def block(self, number: int, count: int) -> NDArray[np.float32]:
        rng = np.random.default_rng([self.seed, number])
        n = len(self.real)
        steps = rng.integers(0, n - 1, count)
        share = rng.uniform(0.5, 1.0, (count, 1)).astype(np.float32)
        found = self.real[rng.integers(0, n, count)] + share * (self.real[steps + 1] - self.real[steps])
        found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), np.float32(1e-6))
        return found

    def blocks(self, count: int) -> Iterator[NDArray[np.float32]]:
        for number in range(-(-count // BLOCK)):
            yield self.block(number, min(BLOCK, count - number * BLOCK))


def measured(made: Made, count: int, lists: int, code: int, probes: list[int]) -> dict[str, Any]:
    queries = made.block(1 << 30, QUERIES)
    index = faiss.IndexIVFPQ(faiss.IndexFlatL2(made.size), made.size, lists, made.size // code, 8)
    training, _ = timed(lambda: index.train(made.block(1 << 31, TRAINED)))
    print(f"trained: {training['cpu_seconds']:.0f} CPU s", flush=True)
    cosines, rows = np.full((QUERIES, NEAREST), -np.inf, np.float32), np.full((QUERIES, NEAREST), -1, np.int64)
    adding = {"cpu_seconds": 0.0, "seconds": 0.0}
    exact = {"cpu_seconds": 0.0, "seconds": 0.0}
    for number, block in enumerate(made.blocks(count)):
        cost, _ = timed(lambda block=block: index.add(block))
        adding = {key: adding[key] + cost[key] for key in adding}
        cost, (cosines, rows) = timed(lambda *a: nearer(queries, *a), block, number * BLOCK, cosines, rows)
        exact = {key: exact[key] + cost[key] for key in exact}
        if number % 5 == 4:
            print(f"{index.ntotal} vectors, {adding['cpu_seconds']:.0f} CPU s", flush=True)
    size = len(faiss.serialize_index(index))
    return {
        "training": training,
        "adding": adding,
        "bytes": size,
        "bytes_a_vector": size / count,
        "exact_cpu_ms_a_query": exact["cpu_seconds"] / QUERIES * 1000,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "queries": QUERIES,
        "by_probes": [searched(index, queries, rows, n) for n in probes],
    }


def nearer(
    queries: NDArray[np.float32],
    block: NDArray[np.float32],
    first: int,
    cosines: NDArray[np.float32],
    rows: NDArray[np.int64],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The nearest vectors so far, with those of a block."""
    found = queries @ block.T
    # Few of a block are nearer than what is held: to sort the others would cost more than to compare them.
    least = cosines[:, -1:]
    if not first:
        least = np.partition(found[:, : BLOCK // 10], -NEAREST, axis=1)[:, -NEAREST, None] - np.float32(1e-6)
    query, row = np.nonzero(found > least)
    cut = np.searchsorted(query, np.arange(len(queries) + 1))
    cosines, rows = cosines.copy(), rows.copy()
    for q in np.flatnonzero(np.diff(cut)).tolist():
        some = row[cut[q] : cut[q + 1]]
        near = np.concatenate([cosines[q], found[q, some]])
        numbers = np.concatenate([rows[q], some + first])
        order = np.argsort(-near)[:NEAREST]
        cosines[q], rows[q] = near[order], numbers[order]
    return cosines, rows


def searched(index: Any, queries: NDArray[np.float32], exact: NDArray[np.int64], probes: int) -> dict[str, Any]:
    """Recall and time with so many lists searched."""
    index.nprobe = probes
    _, found = index.search(queries, max(GIVEN))
    recall = {
        f"recall_10_in_{given}": float(
            np.mean([np.isin(e, f[:given]).mean() for e, f in zip(exact, found, strict=True)])
        )
        for given in GIVEN
    }
    costs = [timed(lambda q=q: index.search(q[None], max(GIVEN)))[0] for q in queries[:TIMED]]
    times = {
        f"{key.replace('seconds', 'ms')}_{name}": float(np.percentile([c[key] for c in costs], rank)) * 1000
        for key in ("cpu_seconds", "seconds")
        for name, rank in (("median", 50), ("p95", 95))
    }
    print(f"{probes} lists: {recall}, {times['cpu_ms_p95']:.1f} ms", flush=True)
    return {"lists_searched": probes, **recall, **times}


def timed(do: Any, *arguments: Any) -> tuple[dict[str, float], Any]:
    cpu, clock = time.process_time(), time.perf_counter()
    result = do(*arguments)
    return {"cpu_seconds": time.process_time() - cpu, "seconds": time.perf_counter() - clock}, result


if __name__ == "__main__":
    main()
