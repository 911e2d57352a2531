"""Parameters, MACs and answers of every net of the zoo stay what they were, and so do the defaults of blocks."""

import json

import pytest

from rdslab.network import zoo_names
from tests.make_golden import ANSWERS, DEFAULTS, GOLDEN, answer_of, as_text, defaults, figures_of
from tests.zoo_figures import run_in_test

REMEMBERED = json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("name", zoo_names())
def test_parameters_and_macs_are_those_of_the_golden_file(name: str) -> None:
    assert figures_of(name) == REMEMBERED.get(name), "if it is meant: python -m tests.make_golden, and review the diff"


def test_the_golden_file_holds_the_zoo_and_nothing_else() -> None:
    assert list(REMEMBERED) == zoo_names()
    assert GOLDEN.read_text() == as_text(REMEMBERED)


@pytest.mark.parametrize("name", run_in_test(zoo_names()))
def test_answers_are_those_of_the_golden_file(name: str) -> None:
    assert answer_of(name) == pytest.approx(json.loads(ANSWERS.read_text())[name], rel=1e-3, abs=2e-3)


def test_no_default_of_a_block_changes_unseen() -> None:
    """Ids leave out what is at its default: with another default a stored id would stand for another net."""
    assert DEFAULTS.read_text() == defaults(), "if it is meant: python -m tests.make_golden, and review the diff"
