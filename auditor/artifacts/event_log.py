"""events.out.tfevents.*: what TensorBoard's writers recorded, with the checksum of every record checked."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from auditor.artifacts._base import Artifact
from auditor.artifacts._event_reading import Reading, ScalarPoint
from auditor.artifacts._tfrecord import records
from auditor.model import READ_LIMIT, Blob, Fact, name_of

__all__ = ["EventLog", "ScalarPoint"]

RTOL = 1e-6
"""Scalars are float32 (2**-24 = 6e-8 relative); the same tolerance as for log_history."""
ARGS, MODEL_CONFIG = "args/text_summary", "model_config/text_summary"
"""Texts that TensorBoardCallback writes as JSON (transformers 5.23.0, integrations/integration_utils.py)."""
_NAME = re.compile(r"^events\.out\.tfevents\.(\d{1,12})\.(.+)$", re.DOTALL)
_PROCESS = re.compile(r"^(.+)\.\d{1,20}(?:\(\d{1,3}\))?\.\d{1,20}(?:\.v2|\.profile-empty)?$", re.DOTALL)
"""Host, process and counter; a browser that downloads a file twice puts ``(1)`` into the name."""
_ADDRESS = re.compile(r"^\d{1,3}(?:\.\d{1,3}){3}$")
_PLACES = frozenset({"output_dir", "logging_dir", "run_name", "local_rank", "hub_model_id", "device"})


@dataclass(frozen=True, slots=True)
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
    file_version: str | None = None
    writer: str = "unknown"
    source_writer: str | None = None
    file_epoch: int | None = None
    hostname: str | None = None
    scalars: Mapping[str, tuple[ScalarPoint, ...]] = field(default_factory=dict)
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hparams: Mapping[str, object] = field(default_factory=dict)
    other_tags: frozenset[str] = frozenset()
    bad_crc: tuple[int, ...] = ()
    undecoded: tuple[int, ...] = ()
    truncated_at: int | None = None
    first_wall_time: float | None = None
    last_wall_time: float | None = None
    went_back: tuple[int, float] | None = None
    """The record whose wall time lies furthest before that of the one before it, and by how many seconds."""

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
    match = _NAME.match(name)
    process = _PROCESS.match(match[2]) if match and not _ADDRESS.match(match[2]) else None
    if source_writer:
        known = {"tensorboard": "tensorboard", "tensorflow": "tensorflow", "tensorboardX": "tensorboardX"}
        writer = known.get(source_writer.partition(".")[0], "unknown")
    else:
        writer = "tensorboard" if process else "tensorboardX" if match else "unknown"
    if match is None:
        return None, None, writer
    return int(match[1]), process[1] if process else match[2], writer
