"""A picture of a confusion matrix: of the right size, darker where more of a class is."""

from pathlib import Path

import numpy as np
from matplotlib.image import imread

from clearml_flows.tabular.training.images import confusion_image


def test_the_darkest_quarter_is_the_largest_share_of_its_class(tmp_path: Path) -> None:
    y = np.array([0] * 1000 + [1] * 10)
    p = np.array([0.1] * 700 + [0.9] * 300 + [0.9] * 10)
    confusion_image(y, p, 0.5, str(tmp_path / "confusion.png"))
    picture = imread(tmp_path / "confusion.png")
    height, width, _ = picture.shape
    assert (width, height) == (420, 360)
    brightness = picture[..., :3].mean(axis=2)
    # In a line through the lower half of each row of cells, where no text stands: left and right cell.
    lines = [brightness[int(height * share), [int(width * 0.45), int(width * 0.9)]] for share in (0.42, 0.82)]
    assert lines[0][0] < lines[0][1]
    assert lines[1][1] < lines[1][0]
    assert lines[1][1] < lines[0][0]
