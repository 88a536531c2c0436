"""Laying a query over segments: against the plain recursion, cell by cell."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.search.warp import Costs, spans


def plain(costs: Costs) -> list[list[tuple[float, int]]]:
    """The least cost and the first place matched, for each place of each segment that the query may end at."""
    found = []
    borders = [*costs.first.tolist(), costs.match.shape[1]]
    for begin, end in pairwise(borders):
        row = [(0.0, begin + i) for i in range(end - begin + 1)]  # before the first place, and after each
        for step in range(len(costs.match)):
            new = [(row[0][0] + float(costs.leave[step]), row[0][1])]
            for i, place in enumerate(range(begin, end)):
                new.append(
                    min(
                        (row[i][0] + float(costs.match[step, place]), row[i][1]),
                        (row[i + 1][0] + float(costs.leave[step]), row[i + 1][1]),
                    )
                )
            if step + 1 < len(costs.match):
                for i, place in enumerate(range(begin, end)):
                    if i:
                        new[i + 1] = min(new[i + 1], (new[i][0] + float(costs.skip[place]), new[i][1]))
            row = new
        found.append(row[1:])
    return found


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    lengths = draw(st.lists(st.integers(1, 7), min_size=1, max_size=5))
    steps, places = draw(st.integers(1, 6)), sum(lengths)
    first = np.cumsum([0, *lengths[:-1]])
    return Costs(
        rng.uniform(0, 4, (steps, places)).astype(np.float32),
        rng.uniform(0, 3, steps).astype(np.float32),
        rng.uniform(0, 2, places).astype(np.float32),
        first,
    )


@settings(max_examples=60, deadline=None)
@given(cases())
def test_as_the_recursion_has_it(costs):
    expected = plain(costs)
    flat = np.array([cost for row in expected for cost, _ in row])
    cost, begin = spans(costs)
    assert np.allclose(cost, flat, atol=1e-6)
    last = np.append(costs.first[1:], costs.match.shape[1])
    of = np.searchsorted(costs.first, np.arange(len(cost)), side="right") - 1
    assert (begin >= costs.first[of]).all() and (begin < last[of]).all()


@given(st.integers(2, 5))
def test_a_query_is_found_where_it_was_put(steps):
    """Its steps match nothing else; between them places that cost little to pass over."""
    match = np.full((steps, 40), 5.0, np.float32)
    at = 13 + 2 * np.arange(steps)
    match[np.arange(steps), at] = 0.0
    costs = Costs(match, np.full(steps, 4.0, np.float32), np.full(40, 0.1, np.float32), np.array([0, 10, 30]))
    cost, begin = spans(costs)
    end = int(cost.argmin())
    assert (begin[end], end) == (at[0], at[-1])
    assert np.isclose(cost[end], 0.1 * (steps - 1), atol=1e-4)
