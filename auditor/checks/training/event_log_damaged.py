"""An event file is damaged.

Every record carries a CRC32C of its length and of its data (tensorboard 2.21.0,
summary/writer/record_writer.py). A wrong checksum
means that bytes changed after the Trainer wrote them; a record that breaks off at the end means that writing or
copying was interrupted, and the last logs are missing.

Wrong when: a writer without checksums made the file; TensorBoard's writers do not.

Fix: publish the original file again, or say that training was interrupted.

Bad:
    events: byte 5000 changed

Good:
    # another value under its own checksum
    events: train/loss at 18 = 5.0
"""

from collections.abc import Iterator

from auditor.artifacts.event_log import EventLog
from auditor.checks._wording import counted
from auditor.model import Problem, Severity

SEVERITY = Severity.ERROR


def check(log: EventLog) -> Iterator[Problem]:
    """Checksums are an error, a cut end and records of another format a warning."""
    if log.bad_crc:
        yield Problem(
            f"wrong checksum in {counted(len(log.bad_crc), 'record')} of {log.records:,}, first record "
            f"{log.bad_crc[0]}",
            log.at(f"record {log.bad_crc[0]}"),
            expected="the CRC32C that the record carries",
            observed="another one",
        )
    if log.truncated_at is not None:
        yield Problem(
            f"the file breaks off in the middle of a record, after {log.truncated_at:,} of {log.size:,} bytes",
            log.at(f"byte {log.truncated_at}"),
            expected="whole records",
            observed=f"{log.size - log.truncated_at:,} bytes left over",
            severity=Severity.WARNING,
        )
    if log.undecoded:
        yield Problem(
            f"no event in {counted(len(log.undecoded), 'record')} of {log.records:,}, although the checksums are right",
            log.at(f"record {log.undecoded[0]}"),
            expected="tensorflow.Event messages",
            observed=f"record {log.undecoded[0]} is none",
            severity=Severity.WARNING,
        )
