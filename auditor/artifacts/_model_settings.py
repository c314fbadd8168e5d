"""The settings of a model's configuration, each from the file or from the class that reads it, never guessed."""

from collections.abc import Mapping
from typing import Self

from auditor.artifacts._config_defaults import aliases_of, defaults_of

DIMENSION_LIMIT = 100_000_000
"""Largest believable width, vocabulary or layer count; above it the shape is not used."""
LAYER_LIMIT = 1_000
"""Most layers a model is believed to have; bounds the work that a hostile config.json can ask for."""
_ABSENT = object()


class UnknownSettingError(Exception):
    """A setting the arithmetic needs is neither in the file nor a default of every release.

    The text is a sentence's end ("... `hidden_size` is not given").
    """


class ModelSettings:
    """One configuration's keys with the class defaults of its model type."""

    def __init__(self, raw: Mapping[str, object], model_type: str | None) -> None:
        self.raw = raw
        self.model_type = model_type
        self._defaults = defaults_of(model_type)
        self._spellings: dict[str, list[str]] = {}
        for other, own in aliases_of(model_type).items():
            self._spellings.setdefault(str(own), []).append(other)
            self._spellings.setdefault(other, []).append(str(own))

    @classmethod
    def of(cls, raw: Mapping[str, object], model_type: str | None) -> Self:
        """Settings of a mapping that may name its own type."""
        own = raw.get("model_type")
        return cls(raw, own if isinstance(own, str) else model_type)

    def given(self, key: str) -> object:
        """The file's value, else the class's; ``UnknownSettingError`` when neither has one."""
        value = self._value(key)
        if value is _ABSENT:
            raise UnknownSettingError(f"`{key}` is not given and has no default common to all releases")
        return value

    def size(self, key: str) -> int:
        """A positive number of elements, layers or pixels."""
        return _size(key, self.given(key))

    def layers(self, key: str) -> int:
        """A number of layers."""
        value = self.size(key)
        if value > LAYER_LIMIT:
            raise UnknownSettingError(f"`{key}` is no believable number of layers")
        return value

    def size_or(self, key: str, fallback: int) -> int:
        """The same; ``fallback`` where the value is null or absent and the class has no default."""
        value = self._value(key)
        return fallback if value is _ABSENT or value is None else _size(key, value)

    def flag(self, key: str, absent: bool | None = None) -> bool:
        """A boolean; ``absent`` is the value of a key that older classes do not have."""
        value = self._value(key)
        if value is _ABSENT and absent is not None:
            return absent
        if not isinstance(value, bool):
            raise UnknownSettingError(f"`{key}` is not given or no boolean")
        return value

    def part(self, key: str, model_type: str) -> "ModelSettings":
        """A nested configuration (text_config, vision_config), of that type unless it names its own."""
        nested = self.raw.get(key, {})
        if not isinstance(nested, dict):
            raise UnknownSettingError(f"`{key}` is not an object")
        return ModelSettings.of(nested, model_type)

    def _value(self, key: str) -> object:
        # An alias wins over the class's default, as set attributes do in PretrainedConfig.
        for name in (key, *self._spellings.get(key, ())):
            if name in self.raw:
                return self.raw[name]
        for name in (key, *self._spellings.get(key, ())):
            if name in self._defaults:
                return self._defaults[name]
        return _ABSENT


def _size(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= DIMENSION_LIMIT:
        raise UnknownSettingError(f"`{key}` is no believable size")
    return value
