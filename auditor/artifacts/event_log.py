"""events.out.tfevents.*: what TensorBoard's writers recorded, with the checksum of every record checked."""

from __future__ import annotations

from auditor.artifacts._base import Artifact
from auditor.artifacts._event_reading import Reading, ScalarPoint
from auditor.artifacts._tfrecord import records
from auditor.model import READ_LIMIT, Fact, name_of
from auditor.model.frozen import put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import ClassVar, Self

    from auditor.model import Blob

__all__ = ["EventLog", "ScalarPoint"]

RTOL = 1e-6
"""Scalars are float32 (2**-24 = 6e-8 relative); the same tolerance as for log_history."""
ARGS, MODEL_CONFIG = "args/text_summary", "model_config/text_summary"
"""Texts that TensorBoardCallback writes as JSON (transformers 5.23.0, integrations/integration_utils.py)."""
_PREFIX = "events.out.tfevents."
_PLACES = frozenset({"output_dir", "logging_dir", "run_name", "local_rank", "hub_model_id", "device"})


class EventLog(Artifact):
    """One event file. Records are numbered from 0; damage is data here and no exception.

    ``writer`` is tensorboard (torch uses its writer), tensorboardX, tensorflow or unknown, from
    ``source_writer`` (what the file says) or else from the form of the file's name. ``file_epoch`` (seconds
    since 1970) and ``hostname`` come from the name. ``bad_crc`` are records whose checksum is wrong and
    ``undecoded`` records that are sound and no events: neither are used. ``truncated_at`` is the byte offset
    of an incomplete record. ``other_tags`` hold images, histograms and the like, which are not read.
    """

    patterns: ClassVar[tuple[str, ...]] = ("events.out.tfevents.*",)
    size: int
    records: int
    file_version: str | None
    writer: str
    source_writer: str | None
    file_epoch: int | None
    hostname: str | None
    scalars: Mapping[str, tuple[ScalarPoint, ...]]
    texts: Mapping[str, tuple[str, ...]]
    hparams: Mapping[str, object]
    other_tags: frozenset[str]
    bad_crc: tuple[int, ...]
    undecoded: tuple[int, ...]
    truncated_at: int | None
    first_wall_time: float | None
    last_wall_time: float | None
    went_back: tuple[int, float] | None
    """The record whose wall time lies furthest before that of the one before it, and by how many seconds."""
    __slots__ = (
        *("size", "records", "file_version", "writer", "source_writer", "file_epoch", "hostname"),
        *("scalars", "texts", "hparams", "other_tags", "bad_crc", "undecoded", "truncated_at"),
        *("first_wall_time", "last_wall_time", "went_back"),
    )

    def __init__(
        self,
        path: str,
        size: int,
        records: int,
        *,
        file_version: str | None = None,
        writer: str = "unknown",
        source_writer: str | None = None,
        file_epoch: int | None = None,
        hostname: str | None = None,
        scalars: Mapping[str, tuple[ScalarPoint, ...]] | None = None,
        texts: Mapping[str, tuple[str, ...]] | None = None,
        hparams: Mapping[str, object] | None = None,
        other_tags: frozenset[str] = frozenset(),
        bad_crc: tuple[int, ...] = (),
        undecoded: tuple[int, ...] = (),
        truncated_at: int | None = None,
        first_wall_time: float | None = None,
        last_wall_time: float | None = None,
        went_back: tuple[int, float] | None = None,
    ) -> None:
        put(self, "path", path)
        put(self, "size", size)
        put(self, "records", records)
        put(self, "file_version", file_version)
        put(self, "writer", writer)
        put(self, "source_writer", source_writer)
        put(self, "file_epoch", file_epoch)
        put(self, "hostname", hostname)
        put(self, "scalars", scalars or {})
        put(self, "texts", texts or {})
        put(self, "hparams", hparams or {})
        put(self, "other_tags", other_tags)
        put(self, "bad_crc", bad_crc)
        put(self, "undecoded", undecoded)
        put(self, "truncated_at", truncated_at)
        put(self, "first_wall_time", first_wall_time)
        put(self, "last_wall_time", last_wall_time)
        put(self, "went_back", went_back)

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read a whole file. Raises CannotRead when it is too large or no file of records at all."""
        data = blob.read(READ_LIMIT)
        read = Reading()
        for item in records(data):
            read.take(item)
        epoch, host, named = _from_name(name_of(blob.path), read.source_writer)
        return cls(
            path=blob.path,
            size=len(data),
            records=read.records,
            file_version=read.file_version,
            writer=named,
            source_writer=read.source_writer,
            file_epoch=epoch,
            hostname=host,
            scalars={tag: tuple(points) for tag, points in read.scalars.items()},
            texts={tag: tuple(texts) for tag, texts in read.texts.items()},
            hparams=read.hparams,
            other_tags=frozenset(read.other_tags),
            bad_crc=tuple(read.bad_crc),
            undecoded=tuple(read.undecoded),
            truncated_at=read.truncated_at,
            first_wall_time=read.first_wall_time,
            last_wall_time=read.last_wall_time,
            went_back=read.went_back,
        )

    def args(self) -> Mapping[str, object]:
        """The training arguments of the last attempt; empty when none were logged as JSON."""
        return _json_object(self.texts.get(ARGS, ()))

    def model_config(self) -> Mapping[str, object]:
        """The model's configuration of the last attempt; empty when none was logged as JSON."""
        return _json_object(self.texts.get(MODEL_CONFIG, ()))

    @property
    def attempts(self) -> int:
        """How often training began: each try of auto_find_batch_size logs the arguments again."""
        return len(self.texts.get(ARGS, ()))

    @property
    def is_intact(self) -> bool:
        """Whether every record is complete, sound and understood."""
        return not self.bad_crc and not self.undecoded and self.truncated_at is None

    def facts(self) -> Mapping[str, Fact]:
        """Each scalar as ``tag@step`` (the last of a step), the texts, and the state of the file."""
        found: dict[str, Fact] = {
            f"{tag}@{point.step}": Fact(point.value, rtol=RTOL, ignorable=_is_timing(tag))
            for tag, points in self.scalars.items()
            for point in points
        }
        for tag, prefix in ((ARGS, "args"), (MODEL_CONFIG, "model_config")):
            for key, value in _json_object(self.texts.get(tag, ())).items():
                found[f"{prefix}.{key}"] = Fact(value, ignorable=key in _PLACES)
        found.update(
            {tag: Fact(texts) for tag, texts in self.texts.items() if tag not in (ARGS, MODEL_CONFIG)}
        )
        found.update({f"hparams.{key}": Fact(value) for key, value in self.hparams.items()})
        found["attempts"] = Fact(self.attempts)
        found["other_tags"] = Fact(self.other_tags)
        found["bad_crc"] = Fact(self.bad_crc)
        found["undecoded"] = Fact(self.undecoded)
        found["truncated_at"] = Fact(self.truncated_at)
        found["writer"] = Fact(self.writer)
        found["hostname"] = Fact(self.hostname, ignorable=True)
        found["first_wall_time"] = Fact(self.first_wall_time, ignorable=True)
        return found


def _json_object(texts: tuple[str, ...]) -> Mapping[str, object]:
    import json

    try:
        found = json.loads(texts[-1]) if texts else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_timing(tag: str) -> bool:
    return tag.endswith(("_runtime", "_per_second"))


def _from_name(name: str, source_writer: str | None) -> tuple[int | None, str | None, str]:
    """File epoch, host and writer.

    tensorboard 2.21.0 appends ``.<pid>.<uid>`` to the host (summary/writer/event_file_writer.py),
    tensorboardX 2.6 does not (event_file_writer.py). An IPv4 address looks alike and is taken for a host.
    """
    epoch, _, rest = name.removeprefix(_PREFIX).partition(".")
    fits = name.startswith(_PREFIX) and _is_number(epoch, 12) and rest != ""
    host = _host(rest) if fits else None
    if source_writer:
        known = {"tensorboard": "tensorboard", "tensorflow": "tensorflow", "tensorboardX": "tensorboardX"}
        writer = known.get(source_writer.partition(".")[0], "unknown")
    else:
        writer = "tensorboard" if host else "tensorboardX" if fits else "unknown"
    if not fits:
        return None, None, writer
    return int(epoch), host or rest, writer


def _host(text: str) -> str | None:
    """The host of ``host.process.counter``, whatever tensorflow appends; None when there is no process behind it.

    A browser that downloads a file twice puts ``(1)`` behind the process.
    """
    parts = text.split(".")
    if len(parts) == 4 and all(_is_number(part, 3) for part in parts):
        return None
    if parts[-1] in ("v2", "profile-empty"):
        del parts[-1]
    process, bracket, copy = parts[-2].partition("(") if len(parts) > 2 else ("", "", "")
    again = not bracket or (copy.endswith(")") and _is_number(copy[:-1], 3))
    fits = _is_number(process, 20) and again and _is_number(parts[-1], 20)
    return ".".join(parts[:-2]) or None if fits else None


def _is_number(text: str, digits: int) -> bool:
    return len(text) <= digits and text.isascii() and text.isdigit()
