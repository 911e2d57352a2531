"""The names a notebook uses: they are there, quick to import, and do what the command line does."""

import subprocess
import sys

import pytest

import rdslab


def test_every_public_name_is_there_and_is_no_module() -> None:
    import rdslab.measure
    import rdslab.report
    import rdslab.train

    assert sorted(rdslab.__all__) == sorted(rdslab._HOMES)
    for name in rdslab.__all__:
        assert type(getattr(rdslab, name)).__name__ != "module", name


def test_a_name_that_is_not_there_says_what_there_is() -> None:
    with pytest.raises(AttributeError, match="it has: BLOCKS"):
        rdslab.nothing  # noqa: B018


def test_importing_rdslab_loads_no_torch() -> None:
    code = "import sys, rdslab; sys.exit(any(m in sys.modules for m in ('torch', 'pandas', 'optuna', 'pydantic')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_costs_are_a_table_with_one_row_a_net() -> None:
    table = rdslab.costs(["rdsnet", rdslab.load_net("rdsnet_code")], "1024x512")
    assert table["name"].tolist() == ["rdsnet", "rdsnet_code"]
    assert table["params"].tolist() == [927_906, 928_031]


def test_features_are_known_on_paper() -> None:
    found = rdslab.features(rdslab.load_net("rdsnet"), 19)
    assert [(f.channels, f.stride) for f in found.values()] == [
        (32, 2),
        (64, 4),
        (64, 4),
        (128, 8),
        (128, 8),
        (19, 8),
        (19, 1),
    ]
