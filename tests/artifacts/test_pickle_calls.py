import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.artifacts._pickle_values import (
    Instance,
    Opaque,
)
from auditor.artifacts.pickle_archive import PickleArchive
from tests.builders import pickles
from tests.builders.blobs import blob
from tests.builders.evil_pickles import EVIL, foreign_modules
from tests.builders.pickles import (
    Call,
    Global,
    New,
    Opcodes,
    dumps,
    make_torch,
    named,
    torch_zip,
)

NAMESPACE = "transformers.training_args.TrainingArguments"


def parsed(data: bytes, path: str = "folder/file.bin") -> PickleArchive:
    return PickleArchive.parse(blob(data, path))


def calls(value: object) -> list[str]:
    return [call.callable for call in parsed(make_torch(value)).unsafe]


@pytest.mark.parametrize("kind", sorted(EVIL))
def test_the_evil_files_run_when_pickle_reads_them(kind: str, tmp_path: Path) -> None:
    data = dumps(EVIL[kind]("touch canary"))
    program = "import pickle, sys; pickle.loads(sys.stdin.buffer.read())"
    subprocess.run(
        [sys.executable, "-S", "-c", program], input=data, capture_output=True, check=False, cwd=tmp_path
    )
    assert (tmp_path / "canary").exists(), "the test file below would prove nothing"


def _zip(value: object) -> bytes:
    return make_torch(value)


def _legacy_keys(value: object) -> bytes:
    return pickles.make_legacy({}, value)


def _appended(value: object) -> bytes:
    return dumps({}) + dumps(value)


def _second_in_zip(value: object) -> bytes:
    return torch_zip(dumps({}), more=[("archive/data/other.pkl", dumps(value))])


def _same_name(value: object) -> bytes:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return torch_zip(dumps({}), more=[("archive/data.pkl", dumps(value))])


def _other_case(value: object) -> bytes:
    return torch_zip(dumps({}), more=[("archive/DATA.PKL", dumps(value))])


def _compressed(value: object) -> bytes:
    return torch_zip(dumps(value), compression=zipfile.ZIP_DEFLATED)


CONTAINERS: list[Callable[[object], bytes]] = [
    *(
        _zip,
        dumps,
        pickles.make_legacy,
        _legacy_keys,
        _appended,
        _second_in_zip,
        _same_name,
        _other_case,
        _compressed,
    )
]


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("kind", sorted(EVIL))
def test_evil_calls_are_named_and_never_made(
    kind: str, container: Callable[[object], bytes], tmp_path: Path
) -> None:
    modules = foreign_modules()
    archive = parsed(container(EVIL[kind](f"touch {tmp_path}/canary")))
    archive.facts()
    assert archive.unsafe
    shown = " ".join(f"{call.callable} {call.argument}" for call in archive.unsafe)
    assert "system" in shown or "canary" in shown
    assert not (tmp_path / "canary").exists()
    assert foreign_modules() == modules


def test_a_call_is_told_with_its_argument_and_its_place() -> None:
    data = dumps([1, Call(Global("posix", "system"), ("echo PWNED",))])
    (call,) = parsed(data).unsafe
    assert (call.callable, call.argument) == ("posix.system", "('echo PWNED')")
    assert data[call.offset : call.offset + 1] == b"R"


def test_what_follows_a_refused_call_is_still_read() -> None:
    archive = parsed(make_torch({"a": Call(Global("os", "getcwd")), "b": [1, 2]}))
    assert archive.value == {"a": Opaque("os.getcwd"), "b": [1, 2]}


ENUM = named("transformers.trainer_utils.HubStrategy")
GETATTR = Global("builtins", "getattr")
ARGUMENTS = named(NAMESPACE)


@pytest.mark.parametrize(
    ("value", "called"),
    [
        (Call(GETATTR, (ENUM, "__class__")), "builtins.getattr"),
        (Call(GETATTR, (ENUM, "mro")), "builtins.getattr"),
        (Call(GETATTR, (ENUM, "A" + chr(10))), "builtins.getattr"),
        (Call(GETATTR, (ENUM,)), "builtins.getattr"),
        (Call(GETATTR, (Global("os", "system"), "NAME")), "builtins.getattr"),
        (Call(Global("transformers.utils", "os.system", stack=True), ("x",)), "transformers.utils.os.system"),
        (
            Call(Global("transformers", "Trainer.__init__", stack=True), ("x",)),
            "transformers.Trainer.__init__",
        ),
        (Call(named("vllm.LLM"), ("somebody/model",)), "vllm.LLM"),
        (Call(named("transformers.pipeline"), ("x",)), "transformers.pipeline"),
        (Call(Global("transformersx.utils", "SomeType"), ("x",)), "transformersx.utils.SomeType"),
        (Call(Global("torch.storage", "_load_from_bytes"), (b"",)), "torch.storage._load_from_bytes"),
        (Call(Global("torch.hub", "load"), ("x",)), "torch.hub.load"),
        (Call(Call(ARGUMENTS, ()), ("x",)), f"the result of {NAMESPACE}"),
        (Call(New(ARGUMENTS), ("x",)), f"an object ({NAMESPACE})"),
        (New(Global("subprocess", "Popen"), {"args": "x"}), "subprocess.Popen"),
        (New(Call(Global("os", "x"))), "the result of os.x"),
        (
            Call(Global("copyreg", "_reconstructor"), (ARGUMENTS, named("code.X"), "x")),
            "copyreg._reconstructor",
        ),
        (Call(Global("copyreg", "_reconstructor"), (ARGUMENTS,)), "copyreg._reconstructor"),
        (Call(Global("copyreg", "__newobj__"), (named("os.X"),)), "os.X"),
        (Opcodes(b"cos\nX\n)}(X\x01\x00\x00\x00aK\x01u\x92"), "os.X"),
        (New(ARGUMENTS, {"__setstate__": 1}), f"{NAMESPACE}.__setstate__"),
        (New(ARGUMENTS, ({}, {"__class__": ENUM})), f"{NAMESPACE}.__class__"),
        (Opcodes(b"cos\nsystem\n}b"), "os.system"),
        (Call(ENUM, ("a",), {"a": 1}), "transformers.trainer_utils.HubStrategy"),
        (Opcodes(b"\x82\x01"), "an object of the copyreg extension registry"),
        (Opcodes(b"Psome id\n"), "a persistent object named by text"),
        (Opcodes(b"K\x01Q"), "a persistent object that is no tensor storage"),
        (Opcodes(b"\x97"), "an out-of-band buffer"),
    ],
)
def test_abuse_of_harmless_names_is_refused(value: object, called: str) -> None:
    assert called in " ".join(calls(value))


def test_state_beside_a_rebuilt_tensor_arms_nothing_unseen() -> None:
    state = {"__setstate__": Global("os", "system")}
    odd = Call(named("torch._utils._rebuild_parameter_with_state"), (None, True, {}, state))
    rebuild = named("torch._tensor._rebuild_from_type_v2")
    typed = Call(rebuild, (named("torch._utils._rebuild_tensor_v2"), named("torch.Tensor"), (), state))
    assert calls(odd) == ["torch._utils._rebuild_parameter_with_state.__setstate__"]
    assert calls(typed) == ["torch._tensor._rebuild_from_type_v2.__setstate__"]
    assert calls(Call(rebuild, (Global("os", "system"), named("torch.Tensor"), ("x",), {}))) == ["os.system"]


def test_harmless_reconstruction_is_read() -> None:
    value = Call(
        Global("copy_reg", "_reconstructor"), (ARGUMENTS, Global("__builtin__", "object"), None), {"lr": 0.5}
    )
    archive = parsed(make_torch(value))
    assert isinstance(archive.value, Instance)
    assert archive.value.state == {"lr": 0.5}
    assert (archive.unsafe, archive.unknown_globals) == ((), ())


def test_names_that_are_only_mentioned_are_unknown() -> None:
    archive = parsed(make_torch([Global("posix", "system"), Global("torch", "float32"), ENUM]))
    assert archive.unsafe == ()
    assert archive.unknown_globals == ("posix.system",)
    assert set(archive.globals) == {"posix.system", "torch.float32", "transformers.trainer_utils.HubStrategy"}


def test_names_are_fit_for_print_and_bounded() -> None:
    archive = parsed(dumps([Global("a\x1b[2J", "b", stack=True), Global("m" * 10_000, "f")]))
    assert archive.unknown_globals[0] == "a\\x1b[2J.b"
    assert len(archive.unknown_globals[1]) < 1100


def test_lone_surrogates_are_spelled_out() -> None:
    found = parsed(pickle.dumps("\ud800", 2)).value
    assert found == "\\ud800"


def test_many_calls_are_counted_up_to_a_hundred() -> None:
    archive = parsed(dumps([Call(Global("os", "getcwd")) for _ in range(5000)]))
    assert len(archive.unsafe) == 100
