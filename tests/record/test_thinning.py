import numpy as np
import pytest

from daf_nb.record.thinning import thin


@pytest.mark.parametrize("length", [0, 1, 10_000])
def test_a_short_series_is_kept_whole(length):
    assert thin(np.zeros(length)).tolist() == list(range(length))


@pytest.mark.parametrize("length", [10_001, 54_321, 300_000])
def test_first_last_and_every_extreme_stay(length):
    series = np.random.default_rng(0).standard_normal(length)
    series[length // 3], series[length // 2] = 99.0, -99.0
    kept = thin(series)
    assert len(kept) <= 10_000
    assert np.all(np.diff(kept) > 0)
    assert kept[0] == 0
    assert kept[-1] == length - 1
    assert {length // 3, length // 2} <= set(kept)


def test_extremes_stay_everywhere_and_not_only_the_greatest():
    series = np.sin(np.arange(1000.0))
    kept = thin(series, most=32)
    for start in range(0, 750, 50):
        inside = series[[index for index in kept if start <= index < start + 250]]
        assert max(inside) > 0.99
        assert min(inside) < -0.99


def test_a_nan_stays_and_hides_no_extreme():
    series = np.zeros(50_000)
    series[25_000:25_003] = [np.nan, 7.0, -7.0]
    series[40_000] = np.inf
    kept = thin(series)
    assert {25_000, 25_001, 25_002, 40_000} <= set(kept)
    assert len(thin(np.full(20_000, np.nan))) < 10_000
