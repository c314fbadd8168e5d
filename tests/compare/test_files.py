"""Two snapshots tree to tree: which proof of equality each path has."""

from auditor.compare.files import compare_files
from auditor.model import FileChange
from auditor.runs import read
from auditor.sources.directory import memory_snapshot
from tests.builders.repos import pointer
from tests.builders.repositories import contents, healthy


def changes(base: dict[str, bytes], head: dict[str, bytes]) -> dict[str, FileChange]:
    found = compare_files(read(memory_snapshot("a", base)), read(memory_snapshot("b", head)))
    return {change.path: change for change in found}


def test_added_removed_and_identical() -> None:
    found = changes({"a": b"1", "b": b"2"}, {"b": b"2", "c": b"3"})
    assert {path: (c.kind, c.proof) for path, c in found.items()} == {
        "a": ("removed", "none"),
        "b": ("identical", "object id"),
        "c": ("added", "none"),
    }


def test_pointers_of_equal_oid_are_identical_without_their_content() -> None:
    one = pointer(b"w" * 100)
    other = one.replace(b"\nsize", b"\next-0-x sha256:aa\nsize")
    found = changes({"w.bin": one}, {"w.bin": other})
    assert (found["w.bin"].kind, found["w.bin"].proof) == ("identical", "lfs oid")


def test_pointers_of_other_oids_differ() -> None:
    found = changes({"w.bin": pointer(b"w" * 100)}, {"w.bin": pointer(b"v" * 100)})
    assert (found["w.bin"].kind, found["w.bin"].proof) == ("modified", "lfs oid")


def test_unfetched_content_against_bytes_is_unknown_never_equal() -> None:
    found = changes({"w.bin": pointer(b"w" * 100)}, {"w.bin": b"w" * 100})
    assert (found["w.bin"].kind, found["w.bin"].note) == (
        "unknown",
        "the content of one side is not on this machine",
    )


def test_a_reader_that_sees_no_difference_says_so() -> None:
    found = changes({"adapter_config.json": b'{"r": 8}'}, {"adapter_config.json": b'{"r":  8}'})
    assert found["adapter_config.json"].note == "the bytes differ in something no reader looks at"
    other = changes({"x.txt": b"a"}, {"x.txt": b"b"})
    assert other["x.txt"].note == "the bytes differ; no reader compared them"


def test_target_modules_are_a_set() -> None:
    base = b'{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj", "v_proj"]}'
    head = b'{"peft_type": "LORA", "r": 4, "target_modules": ["v_proj", "q_proj"]}'
    (change,) = changes({"adapter_config.json": base}, {"adapter_config.json": head}).values()
    assert [(c.key, c.base, c.head) for c in change.facts] == [("r", 8, 4)]


def test_a_repository_is_identical_to_itself() -> None:
    found = compare_files(read(healthy()), read(healthy()))
    assert {change.kind for change in found} == {"identical"}


def test_weights_of_other_values_are_not_said_to_be_unread() -> None:
    other = contents("tiny", "candidate")[0]["checkpoint-9/adapter_model.safetensors"]
    found = compare_files(read(healthy()), read(healthy(data={"adapter_model.safetensors": other})))
    (change,) = [change for change in found if change.kind != "identical"]
    assert change.path == "adapter_model.safetensors"
    assert change.note == "the values differ; names, shapes and types are equal"
