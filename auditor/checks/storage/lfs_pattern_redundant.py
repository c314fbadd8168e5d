r"""A .gitattributes line repeats what an earlier line already says.

Git takes the last line that matches (gitattributes(5): a later line overrides an earlier one); a line for
one exact file with the same attributes as an earlier, wider pattern changes nothing.

Wrong when: the wider line is to be removed later.

Fix: delete the repeated lines.

Bad:
    # *.bin has the same attributes
    .gitattributes: + "training_args.bin filter=lfs diff=lfs merge=lfs -text\n"

Good:
    # a line with other attributes
    .gitattributes: + "training_args.bin filter=lfs\n"
"""

from collections.abc import Iterator

from auditor.artifacts.git_attributes import GitAttributes, Rule, pattern_matches
from auditor.checks._wording import counted
from auditor.model import Problem, Severity

SEVERITY = Severity.NOTE


def check(attributes: GitAttributes) -> Iterator[Problem]:
    """Computed on the file itself: a rendered diff may show a line twice that is there once."""
    pairs = [
        (rule, earlier)
        for number, rule in enumerate(attributes.rules)
        if rule.is_lfs and (earlier := _same_before(rule, attributes.rules[:number])) is not None
    ]
    if pairs:
        yield Problem(
            f"{counted(len(pairs), 'line repeats', 'lines repeat')} what an earlier one says: "
            + ", ".join(f"{rule.pattern} ({earlier.pattern})" for rule, earlier in pairs[:5]),
            attributes.at(),
            expected="each file covered by one line",
            observed=", ".join(f"line {rule.line} by line {earlier.line}" for rule, earlier in pairs[:5]),
        )


def _same_before(rule: Rule, earlier: tuple[Rule, ...]) -> Rule | None:
    """The line that decided before this one, when it says the same."""
    exact = not set(rule.pattern) & set("*?[\\")
    deciding = next(
        (
            other
            for other in reversed(earlier)
            if "filter" in other.attributes
            and (other.pattern == rule.pattern or (exact and pattern_matches(other.pattern, rule.pattern)))
        ),
        None,
    )
    return deciding if deciding is not None and deciding.attributes == rule.attributes else None
