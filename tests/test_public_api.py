"""What `import clearml_flows` offers."""

import subprocess
import sys

import pytest

import clearml_flows


def test_every_public_name_is_there() -> None:
    assert {getattr(clearml_flows, name).__name__ for name in clearml_flows.__all__} == set(clearml_flows.__all__)
    assert set(clearml_flows.__all__) == set(clearml_flows._MODULES)


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(AttributeError, match="module 'clearml_flows' has no attribute 'load_modle'"):
        _ = clearml_flows.load_modle


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys, clearml_flows; print(*(name for name in sys.modules if name.startswith('clearml')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["clearml_flows"]
