"""Where schemas are found, in a checkout and in a wheel."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from auditor import schemas
from auditor.errors import UsageError


def test_every_schema_is_one() -> None:
    assert "report-v1" in schemas.names()
    for name in schemas.names():
        Draft202012Validator.check_schema(schemas.load(name))


def test_the_packaged_copy_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "auditor"
    (package / "_schemas").mkdir(parents=True)
    (package / "_schemas" / "x.schema.json").write_text('{"type": "object"}')
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "other.schema.json").write_text("{}")
    monkeypatch.setattr(schemas, "__file__", str(package / "schemas.py"))
    assert schemas.names() == ("x",)
    assert schemas.load("x") == {"type": "object"}


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        schemas.load("../pyproject")
    assert "report-v1" in caught.value.hint
