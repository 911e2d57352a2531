"""What all tests share."""

from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

# Shapes in the annotations of blocks and networks are checked whenever tests run them.
install_import_hook(["rdslab.blocks", "rdslab.network"], "beartype.beartype")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Two tests side by side must not wait for each other's threads."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the project, which is not part of it."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"needs the data folder {SHARED.name}/data beside the project, which is not part of it")
    return SHARED
