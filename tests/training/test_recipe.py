"""A recipe's mistakes are named, with the nearest right thing; what the repository brings is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.conftest import REPOSITORY

from u2bg.errors import SourceMissing, UsageError
from u2bg.training import recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[optimiser]\nrate = 1", "'recipe': no key optimiser; did you mean optimizer?"),
        ("[optimizer]\nrat = 1", "'recipe': no key optimizer.rat; did you mean optimizer.rate?"),
        ("[log]\nxyz = 1", "'recipe': no key log.xyz; expected one of every, validate, checkpoint, pictures"),
        ("[optimizer]\nrate = 2", "'recipe': optimizer.rate is 2.0; expected 0 to 1"),
        ("[optimizer]\nrate = nan", "'recipe': optimizer.rate is nan; expected 0 to 1"),
        ('[optimizer]\nrate = "fast"', "'recipe': optimizer.rate is 'fast'; expected a number"),
        ("[data]\nbatch = 2.5", "'recipe': data.batch is 2.5; expected a whole number"),
        ("[data]\nbatch = true", "'recipe': data.batch is True; expected a whole number"),
        (
            "[data]\nshapes = [[320, 321]]",
            "'recipe': data.shapes has a side of 321; expected a multiple of 32",
        ),
        ("[data]\nshapes = [320, 320]", "'recipe': data.shapes: got 320, expected a pair such as [320, 320]"),
        ("[data]\nshapes = []", "data.shapes is empty; expected one shape at least"),
        ("[loss]\nmaps = [1, 1]", "'recipe': loss.maps has 2 values; expected 7"),
        ("[loss]\nbce = 0", "'recipe': every weight of loss is 0; expected one at least above it"),
        (
            '[network]\nprecision = "bfloat"',
            "network.precision is 'bfloat'; expected one of bfloat16, float32; did you mean 'bfloat16'?",
        ),
        ("[network]\nmid = [1, 2]", "'recipe': network.mid has 2 values; expected 1 or 11"),
        ('[[folders]]\nkind = "cutouts"', "did you mean 'cutout'?"),
        ("[folders]\nmatch = 1", "folders is a list of tables; fix: write [[folders]], twice bracketed"),
        ("data = 1", "'recipe': data is a table; fix: write [data] above its keys"),
        ("[data", "'recipe' is no TOML"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        recipe.parse(text)


def test_a_recipe_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="no recipe at"):
        recipe.read(tmp_path / "none.toml")


def test_an_empty_recipe_is_all_defaults() -> None:
    assert recipe.parse("") == recipe.Recipe()


def test_numbers_may_be_written_without_a_point() -> None:
    assert recipe.parse("[loss]\niou = 1").loss.iou == 1.0
    assert recipe.parse("[network]\nmid = 8").network.mid == (8,)


@pytest.mark.parametrize("path", sorted((REPOSITORY / "configs").glob("*.toml")), ids=lambda path: path.stem)
def test_the_recipes_of_the_repository_are_right_and_open_with_their_command(path: Path) -> None:
    recipe.read(path)

    head = "".join(line for line in path.read_text().splitlines(True) if line.startswith("#"))
    assert "u2bg train" in head
    assert f"configs/{path.name}" in head


def test_the_docs_list_every_key_with_its_default() -> None:
    page = (REPOSITORY / "docs" / "training.md").read_text(encoding="utf-8")

    for table, key, default, about in recipe.rows():
        assert f"| `{table}.{key}` | `{default}` | {about} |" in page
