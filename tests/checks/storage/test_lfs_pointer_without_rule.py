from dataclasses import replace
from pathlib import Path

from auditor.sources import directory
from tests.builders import repos
from tests.builders.repositories import seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons
from tests.checks.storage.stored import healthy_in_git

RULE = "lfs-pointer-without-rule"


def test_passes() -> None:
    assert found(RULE, seed()) == []
    with healthy_in_git() as snapshot:
        assert found(RULE, snapshot) == []


def test_passes_a_rule_in_the_folder_itself() -> None:
    line = "*.safetensors filter=lfs diff=lfs merge=lfs -text\n"
    snapshot = seed(
        text={".gitattributes": "", "checkpoint-450/.gitattributes": line},
        without=[
            *("adapter_model.safetensors", "tokenizer.json", "training_args.bin", "runs/"),
            *(f"checkpoint-450/{name}" for name in ("optimizer.pt", "rng_state.pth", "scheduler.pt")),
            *("checkpoint-450/tokenizer.json", "checkpoint-450/training_args.bin"),
        ],
    )
    assert found(RULE, snapshot) == []


def test_fails_without_gitattributes() -> None:
    # The page's list: adapter, tokenizer.json and training_args.bin twice, three states of the checkpoint, one event
    # file: 10 pointers.
    assert found(RULE, seed(without=[".gitattributes"])) == [
        finding(
            RULE,
            ERROR,
            "no rule in .gitattributes covers 10 of 10 Git LFS pointers, so git-lfs will never fetch their content: "
            "adapter_model.safetensors, checkpoint-450/adapter_model.safetensors, checkpoint-450/optimizer.pt and 7 "
            "more",
            "adapter_model.safetensors",
            expected="a pattern with filter=lfs",
            observed="no rule",
        )
    ]


def test_fails_where_a_later_line_takes_the_filter_away() -> None:
    lines = "* filter=lfs\n*.bin -filter\n"
    (only,) = found(RULE, seed(text={".gitattributes": lines}))
    assert only.message.startswith("no rule in .gitattributes covers 2 of 10 Git LFS pointers")
    assert only.at.path == "checkpoint-450/training_args.bin"


def test_fails_as_a_warning_in_a_folder_that_no_rule_above_can_reach(tmp_path: Path) -> None:
    """Seen in public repositories: pointers and no .gitattributes at all."""
    pointer = repos.pointer(b"weights" * 500)
    folder = tmp_path / "project" / "model"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(pointer)
    (only,) = found(RULE, directory.snapshot(folder))
    assert only.severity is WARNING
    (tmp_path / "project" / ".gitattributes").write_text("*.safetensors filter=lfs\n")
    assert reasons(RULE, directory.snapshot(folder)) == [
        "a folder alone does not show how git stores it (give a ref)"
    ]
    # A work tree of its own below that one: what stands above is not its rule.
    (folder / ".git").mkdir()
    (again,) = found(RULE, directory.snapshot(folder))
    assert again.severity is WARNING


def test_says_when_it_cannot_look() -> None:
    folder = replace(seed(without=[".gitattributes"]), kind="directory", part=True)
    assert reasons(RULE, folder) == ["a folder alone does not show how git stores it (give a ref)"]
