"""The table of class defaults against the configuration classes it was read from."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from auditor.artifacts._config_defaults import aliases_of, defaults_of
from auditor.artifacts._model_settings import ModelSettings, UnknownSettingError

ROOT = Path(__file__).parents[2]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("config_defaults", ROOT / "fixtures" / "config_defaults.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.rerun
def test_the_table_says_what_the_installed_classes_say() -> None:
    read = script().read()
    for name in script().TYPES:
        ours, theirs = defaults_of(name), read["types"][name]
        # The file's own keys; a key that the newest class no longer has may still stand in an old file.
        assert {k: ours[k] for k in ours if k in theirs} == {k: theirs[k] for k in theirs if k in ours}, name
        assert set(read["aliases"].get(name, {})) <= set(aliases_of(name)), name


@pytest.mark.rerun
def test_every_default_is_an_attribute_of_a_configuration_made_without_arguments() -> None:
    # Independent of the script: instances of the class, where only nulls are filled in.
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    compared = 0
    for name in script().TYPES:
        made = CONFIG_MAPPING[name]()
        for key, value in defaults_of(name).items():
            if value is not None and isinstance(getattr(made, key, None), int | str):
                assert getattr(made, key) == value, (name, key)
                compared += 1
    assert compared > 300


def test_what_releases_say_differently_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    def table(release: str, width: int) -> dict[str, object]:
        return {
            "release": release,
            "types": {"gemma2": {"hidden_size": width, "head_dim": 256}},
            "aliases": {},
        }

    merged = script().merge([table("1", 3072), table("2", 2304)])
    assert merged["types"] == {"gemma2": {"head_dim": 256}}
    assert "left out: gemma2.hidden_size" in capsys.readouterr().err
    # transformers 4.46.3 and 4.51.3 differ on it (configuration_gemma2.py), so the real table has none either.
    assert "hidden_size" not in defaults_of("gemma2")


def test_the_table_names_its_releases() -> None:
    table = json.loads((ROOT / "auditor" / "artifacts" / "_config_defaults.json").read_text())
    assert table["releases"] == ["4.46.3", "4.51.3", "4.57.6", "5.23.0"]


def test_a_setting_comes_from_the_file_its_alias_or_the_class() -> None:
    settings = ModelSettings({"n_layer": 3, "hidden_size": 64}, "gpt2")
    assert (settings.size("n_layer"), settings.size("n_embd"), settings.size("n_head")) == (3, 64, 12)


@pytest.mark.parametrize("value", [0, -1, 10**9, "64", 1.5, True, None])
def test_absurd_sizes_are_no_sizes(value: object) -> None:
    with pytest.raises(UnknownSettingError, match="no believable size"):
        ModelSettings({"hidden_size": value}, "llama").size("hidden_size")


def test_what_nobody_says_is_unknown() -> None:
    settings = ModelSettings({}, "gemma2")
    with pytest.raises(UnknownSettingError, match="not given and has no default common to all releases"):
        settings.size("hidden_size")
    with pytest.raises(UnknownSettingError):
        ModelSettings({"attention_bias": "yes"}, "llama").flag("attention_bias")
    with pytest.raises(UnknownSettingError):
        ModelSettings({"num_hidden_layers": 1001}, "llama").layers("num_hidden_layers")
    with pytest.raises(UnknownSettingError):
        ModelSettings({"text_config": 3}, "gemma3").part("text_config", "gemma3_text")
