"""What the calls of a pickle are: of a library's own classes, or of something that reaches the system."""

import re

from auditor.artifacts._pickle_names import is_dangerous
from auditor.artifacts._pickle_values import GlobalRef
from auditor.artifacts.pickle_archive import PickleArchive

_CLASS = re.compile(r"[A-Z][A-Za-z0-9]*\Z")
_STORED_ANSWER = frozenset(
    {
        *(
            "requests.models.Response",
            "requests.models.PreparedRequest",
            "requests.cookies.RequestsCookieJar",
        ),
        *("requests.structures.CaseInsensitiveDict", "http.cookiejar.DefaultCookiePolicy"),
    }
)
"""The answer of a web request, stored with its parts: their constructors open nothing (requests 2.32, models.py)."""


def only_foreign_classes(archive: PickleArchive) -> bool:
    """Whether every call constructs an object of a class that is not known here and reaches nothing dangerous."""
    return all(_is_foreign_class(call.callable) for call in archive.unsafe)


def _is_foreign_class(dotted: str) -> bool:
    module, _, name = dotted.rpartition(".")
    if not module or not _CLASS.match(name):
        return False
    return dotted in _STORED_ANSWER or not is_dangerous(GlobalRef(module, name))
