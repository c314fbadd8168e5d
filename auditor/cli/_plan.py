"""A rerun's plan for people: every setting with its source, what was assumed, and what stands in the way."""

from auditor.model import RerunPlan, Setting


def plan_text(plan: RerunPlan) -> str:
    """The plan as lines of plain text."""
    lines = [
        f"Run {plan.run}: {plan.span}, {plan.words}, {plan.steps} optimizer steps.",
        "Covers " + ", ".join(f"{share:.0%} of {what}" for what, share in plan.coverage.items()) + ".",
        "",
    ]
    names = [*plan.settings]
    width = max((len(name) for name in names), default=0)
    for name in names:
        setting = plan.settings[name]
        mark = "assumed: " if setting.assumed else ""
        lines.append(f"  {name:<{width}}  {_short(setting.value):<24}  {mark}{setting.source}")
    if plan.libraries:
        lines += [
            "",
            "Made by (what --environment recorded installs):",
            *map(_library, plan.libraries.items()),
        ]
    for title, items in (("Also possible", plan.hypotheses), ("In the way", plan.obstacles)):
        if items:
            lines += ["", f"{title}:", *(f"  - {item}" for item in items)]
    return "\n".join(lines) + "\n"


def _library(item: tuple[str, Setting]) -> str:
    name, setting = item
    return f"  {name:<16}  {setting.value or '-':<12}  {setting.source}"


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
