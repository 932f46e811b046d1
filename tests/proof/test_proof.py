"""The proof in small: `make proof` plays it at full size, and docs/proof.md has its figures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "drift"))  # where the lab is, whatever else is collected

from faults import ERRORS, build_library, prove_faults
from markdown_figures import PAGE, with_figures
from mutations import prove_mutations
from two_people import prove_histories


def test_no_mutation_of_a_frozen_stash_is_accepted_that_changes_what_was_frozen(tmp_path: Path) -> None:
    figures = prove_mutations(7, 250, tmp_path)
    assert figures.wrong == []
    assert figures.refused.total() > 100


def test_no_healthy_history_is_refused(tmp_path: Path) -> None:
    counts = prove_histories(7, 3, tmp_path)
    assert counts.wrong == []
    assert counts.healthy + counts.rightly.total() == 3


def test_after_a_call_that_fails_the_command_works_when_run_again(tmp_path: Path) -> None:
    if build_library(tmp_path) is None:
        pytest.skip("no C compiler, or no Linux")
    outcome = prove_faults(7, 100, tmp_path, "tag")
    assert outcome.wrong == []
    assert outcome.calls * len(ERRORS) == outcome.tried.total() == outcome.held.total() > 30


def test_the_page_has_the_figures_that_are_kept() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_figures(page) == page
    assert "### Mutations" in page
    assert with_figures(page.replace("| all |", "| all, wrong |")) == page
