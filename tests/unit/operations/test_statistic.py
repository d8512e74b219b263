"""Each statistic against the statistics module of Python and sums worked out by hand."""

import math
import statistics as oracle
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.operations.statistic import FRACTIONS, STATISTICS, Sums

VALUES = st.lists(st.tuples(st.integers(0, 10**6), st.decimals(-500, 500, places=2)), min_size=1, max_size=40)


def sums(pairs):
    """What the database would add up over pairs of seconds and values."""
    values = sorted(value for _, value in pairs)
    near = []
    for fraction in FRACTIONS:
        place = (len(values) - 1) * fraction
        near.append((values[math.floor(place)], values[math.ceil(place)]))
    xs = [Decimal(second) for second, _ in pairs]
    return Sums(
        total=len(values) + 3,
        count=len(values),
        least=values[0],
        most=values[-1],
        powers=tuple(sum(value**power for value in values) for power in range(1, 5)),
        x=sum(xs),
        xx=sum(x * x for x in xs),
        xy=sum(x * value for x, (_, value) in zip(xs, pairs, strict=True)),
        nearby=tuple(near),
        scale=2,
    )


def of(code, found):
    return STATISTICS[code].of(found)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_each_statistic_is_that_of_the_values(pairs):
    values, found = [value for _, value in pairs], sums(pairs)
    exact = [Fraction(value) for value in values]
    assert float(of("average", found)[0]) == pytest.approx(oracle.fmean(values), abs=1e-5)
    assert of("median", found) == (oracle.median(values),)
    assert of("minimum", found) == (min(values),)
    assert of("maximum", found) == (max(values),)
    assert of("sum", found) == (sum(values),)
    assert of("count", found) == (len(values),)
    assert of("total-count", found) == (len(values) + 3,)
    if len(values) > 1:
        assert float(of("variance", found)[0]) == pytest.approx(float(oracle.variance(exact)), abs=1e-5)
        assert float(of("std-dev", found)[0]) == pytest.approx(oracle.stdev(exact), abs=1e-5)
        quintiles = oracle.quantiles(exact, n=5, method="inclusive")
        told = [float(of(f"5-{n}", found)[0]) for n in range(1, 5)]
        assert told == pytest.approx([float(one) for one in quintiles], abs=1e-5)
        lower, _, upper = oracle.quantiles(exact, n=4, method="inclusive")
        assert float(of("4-dev", found)[0]) == pytest.approx(float((upper - lower) / 2), abs=1e-5)
    else:
        assert of("variance", found) == of("std-dev", found) == (None,)


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_moments_and_lines_are_those_of_the_values(pairs):
    found = sums(pairs)
    values = [Fraction(value) for _, value in pairs]
    mean = sum(values) / len(values)
    second, third, fourth = (
        sum((value - mean) ** order for value in values) / len(values) for order in (2, 3, 4)
    )
    if second:
        assert float(of("skew", found)[0]) == pytest.approx(float(third) / float(second) ** 1.5, abs=1e-5)
        assert float(of("kurtosis", found)[0]) == pytest.approx(float(fourth / second**2), abs=1e-5)
    else:
        assert of("skew", found) == of("kurtosis", found) == (None,)
    xs = [float(second) for second, _ in pairs]
    if len(set(xs)) > 1:
        line = oracle.linear_regression(xs, [float(value) for _, value in pairs])
        gradient, intercept = of("regression", found)
        assert float(gradient) == pytest.approx(line.slope * 3600, rel=1e-6, abs=1e-5)
        assert float(intercept) == pytest.approx(line.intercept, rel=1e-6, abs=1e-4)
    else:
        assert of("regression", found) == (None, None)


def test_nothing_comes_of_no_values_but_counts():
    empty = Sums(2, 0)
    told = {code: one.of(empty) for code, one in STATISTICS.items()}
    assert told.pop("count") == (0,)
    assert told.pop("total-count") == (2,)
    assert set(told.values()) == {(None,), (None, None)}


def test_the_longest_numbers_that_are_stored_are_reckoned_with():
    value = Decimal(1).scaleb(249)
    found = Sums(2, 2, -value, value, (Decimal(0), 2 * value**2, Decimal(0), 2 * value**4), scale=0)
    assert of("average", found) == (0,)
    assert of("kurtosis", found) == (1,)


def test_r4s_codes_are_all_there_and_no_others():
    assert list(STATISTICS) == [
        "average", "maximum", "minimum", "count", "total-count", "median", "std-dev", "sum", "variance", "20-percent",
        "80-percent", "4-lower", "4-upper", "4-dev", "5-1", "5-2", "5-3", "5-4", "skew", "kurtosis", "regression",
    ]  # fmt: skip
