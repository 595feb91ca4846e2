"""DeLong's variance of the ROC-AUC, and DeLong's test of two ROC-AUCs on the same rows.

E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988), computed by ranks as X. Sun and W. Xu (2014) do.
`y` is 1 or 0, `p` the score.
"""

import math
from typing import Any

import numpy as np
from scipy.stats import norm, rankdata


def delong(y: Any, scores: list[Any]) -> tuple[Any, Any]:
    """Return the ROC-AUCs of several scores of the same rows, and their covariance matrix."""
    ones, zeros = y == 1, y == 0
    above, below = [], []
    for p in scores:
        ranks = rankdata(p)
        above.append((ranks[ones] - rankdata(p[ones])) / zeros.sum())
        below.append(1 - (ranks[zeros] - rankdata(p[zeros])) / ones.sum())
    covariance = np.atleast_2d(np.cov(above)) / ones.sum() + np.atleast_2d(np.cov(below)) / zeros.sum()
    return np.mean(above, axis=1), covariance


def delong_test(y: Any, p: Any, other: Any) -> dict[str, float]:
    """Return the difference of two ROC-AUCs, its 95 % interval and two-sided p-value."""
    areas, covariance = delong(y, [p, other])
    difference = float(areas[0] - areas[1])
    deviation = float(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0)) ** 0.5
    # The deviation is 0 if both scores rank the rows equally.
    p_value = 2 * float(norm.sf(abs(difference) / deviation)) if deviation > 1e-12 else 1.0
    reach = 1.959964 * deviation
    return {"difference": difference, "low": difference - reach, "high": difference + reach, "p_value": p_value}


def area_interval(y: Any, p: Any) -> tuple[float, float, float]:
    """Return the ROC-AUC and its 95 % interval, by the logit scale to stay within 0 and 1."""
    areas, covariance = delong(y, [p])
    area, deviation = float(areas[0]), float(covariance[0, 0]) ** 0.5
    if not 0 < area < 1:
        return area, area, area
    middle, reach = math.log(area / (1 - area)), 1.959964 * deviation / (area * (1 - area))
    low, high = (1 / (1 + math.exp(-(middle + side * reach))) for side in (-1, 1))
    return area, low, high
