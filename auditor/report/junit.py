"""The report as JUnit XML, for CI pages: a test case a rule, a failure a finding that fails the audit.

Schema as Jenkins and GitLab read it: testsuites > testsuite > testcase > failure | error | skipped.
"""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from auditor.model import Finding, Report
from auditor.policy import Policy
from auditor.report._text import visible
from auditor.report._view import live, place

SUFFIX = ".xml"


def render(report: Report, *, colour: bool = False, width: int = 80, detail: bool = False) -> str:
    """One suite; rules that could not look and files that could not be read are skipped cases with their reason."""
    cases = [*_nothing(report), *_failed(report), *_skipped(report), *_rerun(report)]
    suite = Element("testsuite", name=f"audit {report.kind}", tests=str(len(cases)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    suite.set("errors", str(sum(case.find("error") is not None for case in cases)))
    suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    suite.extend(cases)
    root = Element("testsuites")
    root.append(suite)
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _case(name: str, group: str) -> Element:
    return Element("testcase", classname=f"audit.{_safe(group)}", name=_safe(name))


def _nothing(report: Report) -> list[Element]:
    """A suite of skipped cases alone reads as a pass."""
    if report.verdict != "nothing checked":
        return []
    case = _case("repository", "verdict")
    SubElement(case, "error", type=report.verdict, message=_safe(report.summary))
    return [case]


def _failed(report: Report) -> list[Element]:
    cases: list[Element] = []
    for finding in live(report):
        case = _case(place(finding.at), finding.rule)
        text = _safe(_words(finding))
        if Policy(fail_on=report.fail_on).fails(finding.severity):
            SubElement(
                case, "failure", type=finding.severity.word, message=_safe(finding.message)
            ).text = text
        else:
            SubElement(case, "system-out").text = f"{finding.severity.word}: {text}"
        cases.append(case)
    return cases


def _words(finding: Finding) -> str:
    parts = [finding.message]
    parts += [f"expected: {finding.expected}"] if finding.expected else []
    parts += [f"observed: {finding.observed}"] if finding.observed else []
    parts += [f"fix: {finding.fix}"] if finding.fix else []
    return "\n".join(parts)


def _skipped(report: Report) -> list[Element]:
    cases: list[Element] = []
    for item in report.not_applicable:
        case = _case(item.where or "repository", item.rule)
        SubElement(case, "skipped", message=_safe(item.reason))
        cases.append(case)
    for file in report.unread:
        case = _case(file.path, "unread")
        SubElement(case, "skipped", message=_safe(f"{file.state}: {file.reason}"))
        cases.append(case)
    return cases


def _rerun(report: Report) -> list[Element]:
    if report.rerun is None:
        return []
    case = _case(report.rerun.run, "rerun")
    if report.rerun.verdict.word == "diverged":
        SubElement(case, "failure", type="diverged", message=_safe(report.rerun.why))
    elif report.rerun.verdict.word == "inconclusive":
        SubElement(case, "skipped", message=_safe(report.rerun.why))
    return [case]


def _safe(text: str) -> str:
    """Text that XML 1.0 can carry: control characters shown, lone surrogates replaced."""
    return visible(text, "\n").encode("utf-8", "replace").decode()
