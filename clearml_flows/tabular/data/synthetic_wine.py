"""Generate synthetic red wines: real columns, plausible marginals, learnable quality.

Means, standard deviations and ranges are those of the published file (Cortez et al., 2009), rounded.
"""

from typing import Any

import numpy as np
import pandas as pd


def synthetic_wines(rows: int, seed: int) -> Any:
    """Return a DataFrame of wines in the CSV's format; equal for equal rows and seed."""
    rng = np.random.default_rng(seed)
    # Standard normal factors for acid, sugar, salt, sulphur, sulphates and alcohol, so that columns can correlate.
    acid, rot, sugar, salt, free, sulphates, alcohol = rng.normal(size=(7, rows))
    rot = 0.8 * rot - 0.4 * acid
    total = 0.67 * free + 0.74 * rng.normal(size=rows)
    columns = {
        "fixed acidity": (np.exp(2.1 + 0.2 * acid), 4.6, 15.9, 1),
        "volatile acidity": (0.53 + 0.18 * rot, 0.12, 1.58, 2),
        "citric acid": (0.27 + 0.13 * acid - 0.1 * rot, 0.0, 1.0, 2),
        "residual sugar": (np.exp(0.82 + 0.32 * sugar), 0.9, 15.5, 1),
        "chlorides": (np.exp(-2.53 + 0.3 * salt), 0.012, 0.611, 3),
        "free sulfur dioxide": (np.exp(2.57 + 0.62 * free), 1.0, 72.0, 0),
        "total sulfur dioxide": (np.exp(3.6 + 0.68 * total), 6.0, 289.0, 0),
        "density": (0.9967 + 0.0012 * acid + 0.0006 * sugar - 0.0009 * alcohol, 0.9901, 1.0037, 5),
        "pH": (3.31 - 0.11 * acid + 0.11 * rng.normal(size=rows), 2.74, 4.01, 2),
        "sulphates": (np.exp(-0.44 + 0.22 * sulphates), 0.33, 2.0, 2),
        "alcohol": (np.exp(2.34 + 0.1 * alcohol), 8.4, 14.9, 1),
    }
    frame = pd.DataFrame({name: np.clip(drawn, a, b).round(d) for name, (drawn, a, b, d) in columns.items()})
    liked = 0.35 * alcohol - 0.25 * rot + 0.2 * np.tanh(sulphates) - 0.12 * total - 0.1 * np.maximum(salt, 0)
    # Volatile acidity lowers the quality of strong wines more.
    liked += -0.12 * np.maximum(alcohol, 0) * rot + rng.normal(scale=0.55, size=rows)
    frame["quality"] = np.clip(np.round(5.64 + liked), 3, 8).astype(int)
    return frame
