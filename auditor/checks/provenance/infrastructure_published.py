"""Published files name hosts, folders or pods of the infrastructure that trained the model.

Event files carry `socket.gethostname()` in their names (tensorboard 2.21.0, summary/writer/event_file_writer.py),
which in a cluster is the pod's; platforms write the job's own paths and hosts into the declared config. Such names
help nobody who uses the model, tell outsiders how the inside is built, and show that
references point to places that only the inside can reach.

Wrong when: the repository stays inside the organisation that owns these names.

Fix: write hub ids, relative paths and public addresses into the published config; set the host name of
the training job to something neutral before TensorBoard starts.

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/output_dir = "/mnt/cluster/out"

Good:
    cheetah-fine-tuning-config.json: /train_model_parameters/output_dir = "out"
    cheetah-fine-tuning-config.json: /dataset/dataset_repository = "https://github.com/tiny-labs/tiny-sums"
"""

import re
from collections.abc import Iterator

from auditor.checks._references import private_host
from auditor.checks.provenance._event_names import event_names
from auditor.model import Location, Problem, Severity, Skip
from auditor.recipes._platforms import is_recipe
from auditor.runs import Contents

SEVERITY = Severity.WARNING

_ABSOLUTE = re.compile(r"/[\w.-]+(?:/[\w.@-]+)+/?|[A-Za-z]:[\\/].+")
_POD = re.compile(r".+-[bcdfghjklmnpqrstvwxz2456789]{5}$")
"""Kubernetes ends a generated name with five characters of this alphabet (apimachinery, util/rand)."""
_INSIDE = (".internal", ".local", ".lan", ".corp", ".intra", ".cluster.local")
_DEPTH, _MOST = 6, 200


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """One finding for each declared config, and a note for host names in event files."""
    yield from _unread_recipes(contents)
    for recipe in contents.recipes:
        if recipe.documented:
            # A file that people write for a public platform names folders of their own machine.
            continue
        texts = list(_texts(recipe.raw, _DEPTH))[:_MOST]
        hosts = {host: None for text in texts if (host := private_host(text))}
        paths = {text: None for text in texts if _ABSOLUTE.fullmatch(text)}
        if hosts or paths:
            yield Problem(
                f"the declared config names {_counted(len(hosts), 'host')} and "
                f"{_counted(len(paths), 'absolute path')} "
                "of the training infrastructure",
                Location(recipe.path),
                expected="public addresses and relative paths",
                observed=", ".join([*hosts, *paths][:8]),
            )
    named = {
        found.host: found.path for found in event_names(contents.snapshot.files) if _is_inside(found.host)
    }
    if named:
        yield Problem(
            f"event files carry the name of the machine or pod that trained: {', '.join(list(named)[:3])}",
            Location(next(iter(named.values()))),
            observed=", ".join(list(named)[:8]),
            severity=Severity.NOTE,
        )


def _unread_recipes(contents: Contents) -> Iterator[Skip]:
    for item in contents.unread:
        if is_recipe(item.path):
            yield Skip(f"{item.path} was not read: {item.state}")


def _texts(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth:
        for item in value.values():
            yield from _texts(item, depth - 1)
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _texts(item, depth - 1)


def _counted(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"


def _is_inside(host: str) -> bool:
    return host.endswith(_INSIDE) or _POD.fullmatch(host) is not None
