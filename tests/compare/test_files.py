"""Two snapshots tree to tree: which proof of equality each path has."""

import json
from pathlib import Path

import pytest

from auditor.compare.files import compare_files
from auditor.model import FileChange
from auditor.runs import read
from auditor.sources.directory import memory_snapshot
from auditor.sources.git import Repository
from tests.builders.repos import commit, git, init, pointer, seal
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


def test_unfetched_content_is_equal_to_the_bytes_that_its_pointer_promises() -> None:
    promise = {"w.bin": pointer(b"w" * 100)}
    for base, head in ((promise, {"w.bin": b"w" * 100}), ({"w.bin": b"w" * 100}, promise)):
        (change,) = changes(base, head).values()
        assert (change.kind, change.proof) == ("identical", "lfs oid")
    for other in (b"v" * 100, b"w" * 99):
        (change,) = changes(promise, {"w.bin": other}).values()
        assert (change.kind, change.proof) == ("modified", "lfs oid")


def test_a_reader_that_sees_no_difference_says_so() -> None:
    lists = (
        b'{"peft_type": "LORA", "target_modules": ["%s", "%s"]}' % pair
        for pair in ((b"q", b"v"), (b"v", b"q"))
    )
    (change,) = changes(*({"adapter_config.json": data} for data in lists)).values()
    assert change.note == "the bytes differ in something no reader looks at"
    other = changes({"x.txt": b"a"}, {"x.txt": b"b"})
    assert other["x.txt"].note == "the bytes differ; no reader compared them"


@pytest.mark.parametrize(
    ("path", "one", "two", "note"),
    [
        ("adapter_config.json", b'{"r": 8, "a": 1}', b'{"a":1,"r":8}\n', "the same JSON in another layout"),
        ("x.json", b"[1]", b"[1.0]", "the bytes differ; no reader compared them"),
        ("x.json", b"[1]", b"[true]", "the bytes differ; no reader compared them"),
        ("x.json", b'{"a": 1, "a": 2}', b'{"a": 2}', "the bytes differ; no reader compared them"),
        ("x.json", b"[" * 100_000, b"[" * 100_001, "the bytes differ; no reader compared them"),
        ("tokenizer.json", b'{"a": 1}', b'{"a":1}', "the same JSON in another layout"),
        ("README.md", b"a\r\nb\r\n", b"\xef\xbb\xbfa\nb", "the same text with other ends of lines"),
        ("x.bytes", b"a\r\n\0", b"a\n\0", "the bytes differ; no reader compared them"),
    ],
)
def test_says_what_is_equal_where_bytes_differ(path: str, one: bytes, two: bytes, note: str) -> None:
    (change,) = changes({path: one}, {path: two}).values()
    assert (change.kind, change.note) == ("modified", note)


def test_weights_are_said_to_differ_only_where_a_number_does() -> None:
    """A safetensors header may list its tensors in any order; its own copy here is written by hand."""
    data = contents("tiny", "candidate")[0]["adapter_model.safetensors"]
    size = int.from_bytes(data[:8], "little")
    listed = json.dumps(dict(reversed(json.loads(data[8 : 8 + size]).items()))).encode()
    other = len(listed).to_bytes(8, "little") + listed + data[8 + size :]
    path = "adapter_model.safetensors"
    (change,) = changes({path: data}, {path: other}).values()
    assert change.note == "every number is equal; the files are laid out in another way"
    (change,) = changes({path: data}, {path: other[:-1] + bytes([other[-1] ^ 1])}).values()
    assert change.note == "the values differ; names, shapes and types are equal"


@pytest.mark.parametrize("data", [b"x", pointer(b"x" * 100)], ids=["in git", "in LFS"])
def test_a_file_that_became_executable_is_no_identical_one(data: bytes, tmp_path: Path) -> None:
    commit(init(tmp_path), "main", {"run.sh": data})
    oid = git(tmp_path, "rev-parse", "main:run.sh")
    git(tmp_path, "update-index", "--cacheinfo", f"100755,{oid},run.sh")
    seal(tmp_path, "branch")
    with Repository(tmp_path) as repository:
        refs = [(ref, repository.resolve(ref)) for ref in ("main", "branch")]
        one, two = (read(repository.snapshot(ref, known.commits[0], known)) for ref, known in refs)
        (change,) = compare_files(one, two)
        (back,) = compare_files(two, one)
    assert (change.kind, change.note) == ("modified", "the same content, which became executable")
    assert back.note == "the same content, which is no longer executable"


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
