"""The child's surroundings: what is pinned, what never reaches it, what is asked before it starts."""

import importlib.metadata
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.errors import IncompleteError, UsageError
from auditor.model import Setting
from auditor.rerun.environments import environment
from tests.rerun import variants as v


def test_threads_hashes_and_the_hub_are_pinned() -> None:
    made = environment.variables({}, threads=1)
    assert {made[key] for key in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")} == {"1"}
    assert made["PYTHONHASHSEED"] == "0"
    assert made["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert made["HF_HUB_OFFLINE"] == made["TRANSFORMERS_OFFLINE"] == made["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_secrets_and_preloads_do_not_reach_the_child() -> None:
    secrets = {
        "HF_TOKEN": "a",
        "HUGGING_FACE_HUB_TOKEN": "b",
        "WANDB_API_KEY": "c",
        "CI_JOB_TOKEN": "d",
        "AWS_SECRET_ACCESS_KEY": "e",
        "DB_PASSWORD": "f",
        "LD_PRELOAD": "g",
    }
    made = environment.variables({**secrets, "PATH": "/bin", "CUDA_VISIBLE_DEVICES": "1"}, threads=1)
    assert not set(secrets) & set(made)
    assert made["PATH"] == "/bin"
    assert made["CUDA_VISIBLE_DEVICES"] == "1"


def test_zero_threads_leave_the_counts_alone() -> None:
    assert "OMP_NUM_THREADS" not in environment.variables({}, threads=0)


@pytest.mark.parametrize(
    ("native", "threads", "other", "count"),
    [("avx512", 1, "avx2", 2), ("avx2", 1, "default", 2), ("default", 4, "default", 1)],
)
def test_the_variation_lowers_the_instruction_set_and_changes_threads(
    native: str, threads: int, other: str, count: int
) -> None:
    varied = environment.variation(threads, native)
    assert varied.variables == {
        "ATEN_CPU_CAPABILITY": other,
        "MKL_CBWR": "COMPATIBLE",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
    }
    assert varied.threads == count


def test_a_level_the_user_set_is_the_native_one() -> None:
    varied = environment.variation(1, "avx512", {"ATEN_CPU_CAPABILITY": "avx2"})
    assert varied.variables["ATEN_CPU_CAPABILITY"] == "default"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx2 fma avx512f avx512vl avx512bw avx512dq", "avx512"),
        ("fpu avx2 fma avx512f", "avx2"),
        ("fpu sse2", "default"),
    ],
)
def test_the_native_level_comes_from_the_processor(tmp_path: Path, flags: str, expected: str) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor : 0\nmodel name : Some CPU\nflags : {flags}\n")
    assert environment.native_capability(info) == expected
    assert environment.processor(info) == "Some CPU"
    assert environment.native_capability(tmp_path / "none") == "default"


def test_missing_libraries_are_a_usage_error_with_the_command_to_install_them() -> None:
    with pytest.raises(UsageError) as raised:
        environment.versions(("pytest", "no-such-library"))
    assert raised.value.exit_code == 2
    assert raised.value.message == "a rerun needs no-such-library, which this Python does not have"
    assert raised.value.hint == "in the folder of auditor: pip install '.[rerun]'"


def test_bitsandbytes_is_needed_only_where_the_base_is_quantised() -> None:
    plan = v.plan_of_fixture()
    assert "bitsandbytes" in environment.libraries_of(plan)
    whole = replace(plan, settings={**plan.settings, "quantization": Setting(None, "declared")})
    assert environment.libraries_of(whole) == ("torch", "transformers", "peft", "accelerate")


def test_versions_are_the_installed_ones() -> None:
    assert environment.versions(("pytest",)) == {"pytest": importlib.metadata.version("pytest")}


def test_a_disk_that_is_too_small_is_said_before_training(tmp_path: Path) -> None:
    environment.require_space(tmp_path, 1)
    with pytest.raises(IncompleteError, match="needs about 1,000,000,000,000 MB of scratch space"):
        environment.require_space(tmp_path, 10**18)
