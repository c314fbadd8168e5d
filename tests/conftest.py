"""How property tests run, what a test leaves behind, and the archive of real repositories beside the checkout."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test is timed, because a busy machine must not fail an honest change; and none is given what an earlier run found,
# so that a fresh checkout, which may be read-only, tests the same.
settings.register_profile("house", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

# A shell's background job begins with Ctrl-C ignored, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _variables() -> Iterator[None]:
    """The variables that a test's imports set, as the child's libraries do, are not those of the next test."""
    before = dict(os.environ)
    yield
    if os.environ != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def real_repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of real repositories: AUDIT_CORPUS, or the archive beside the checkout, unpacked once."""
    from benchmarks import corpus

    if "AUDIT_CORPUS" in os.environ:
        return Path(os.environ["AUDIT_CORPUS"])
    if not corpus.DEFAULT.is_file():
        pytest.skip(
            "no archive of real repositories is here (AUDIT_CORPUS=FOLDER, or make corpus CORPUS=FILE)"
        )
    folder = tmp_path_factory.mktemp("real")
    corpus.unpack(corpus.DEFAULT, folder)
    return folder
