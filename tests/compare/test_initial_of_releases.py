"""What `make versions` asks of every release of PEFT, asked of the one that is installed here."""

from pathlib import Path

import pytest

from fixtures.versions import measure_seeds
from fixtures.versions.seeds_child import WAYS

pytestmark = pytest.mark.rerun


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeds")
    measure_seeds.draw([], folder)
    return folder / "current"


def test_the_installed_release_draws_the_stream_that_is_replayed(drawn: Path) -> None:
    assert {path.name for path in drawn.iterdir()} == set(WAYS)
    assert list(measure_seeds.unproved(drawn, "current")) == []


def test_another_seed_is_proved_in_no_way(drawn: Path) -> None:
    assert len(list(measure_seeds.unproved(drawn, "current", seed=43))) == len(WAYS)


def test_what_could_not_be_drawn_is_said(tmp_path: Path) -> None:
    for way in WAYS:
        (tmp_path / way).mkdir()
        (tmp_path / way / "failed").write_text("TypeError: no")
    said = list(measure_seeds.unproved(tmp_path, "0.6.2"))
    assert said == [f"{way} failed: TypeError: no" for way in WAYS if way not in measure_seeds.NOT_YET]
