"""The shared words of one file load at once, others one module at a time."""

import importlib
import subprocess
import sys

import auditor.model


def test_every_word_is_found_where_it_is_said_to_be() -> None:
    assert set(auditor.model._MODULES) == set(auditor.model.__all__)
    for word, part in auditor.model._MODULES.items():
        module = importlib.import_module(f"auditor.model.{part}")
        assert getattr(auditor.model, word) is getattr(module, word)


def test_one_word_loads_one_module() -> None:
    parts = ["auditor.model.frozen", "auditor.model.files"]
    for word, more in (("Blob", []), ("Location", ["auditor.model.judgement"])):
        code = f"import sys; from auditor.model import {word}; print([m for m in sys.modules if 'auditor.model.' in m])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str([*parts, *more])
