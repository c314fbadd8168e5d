"""The options that commands share, each said once."""

from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import _complete
from auditor.cli._help import OUTPUT, RERUN

Repo = Annotated[
    Path | None,
    typer.Option(
        "--repo", metavar="PATH", help="Repository, bare repository or .bundle. Default: the one around here."
    ),
]
LfsStore = Annotated[
    list[Path] | None,
    typer.Option(
        "--lfs-store",
        metavar="DIR",
        help="Folder of Git LFS objects; content is hashed before use. Repeatable.",
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="What stdout holds: terminal, json, markdown, html, sarif, junit, github, gitlab, or questions to the "
        "author of the branch.",
        autocompletion=_complete.formats,
        rich_help_panel=OUTPUT,
    ),
]
Output = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FORMAT=PATH",
        help="Also write a report to a file. Repeatable.",
        rich_help_panel=OUTPUT,
    ),
]
FailOn = Annotated[
    str | None,
    typer.Option("--fail-on", metavar="LEVEL", help="error (default), warning, note or never: what exits 1."),
]
RequireCoverage = Annotated[
    float | None,
    typer.Option(
        "--require-coverage",
        metavar="SHARE",
        help="Share of claims (0 to 1) that must be verified, else exit 3.",
    ),
]
Base = Annotated[
    Path | None, typer.Option("--base", metavar="DIR", help="Folder of the base model on this machine.")
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="PATH",
        help="Training data on this machine (JSONL, CSV, parquet).",
        rich_help_panel=RERUN,
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="RULE", help="Run this rule alone. Repeatable.", autocompletion=_complete.rules
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore", metavar="RULE", help="Do not run this rule. Repeatable.", autocompletion=_complete.rules
    ),
]
Baseline = Annotated[
    Path | None,
    typer.Option(
        "--baseline",
        metavar="FILE.json",
        help="An earlier JSON report: only findings it does not hold count.",
    ),
]
Color = Annotated[
    str,
    typer.Option(
        "--color",
        metavar="WHEN",
        help="auto (by the terminal, NO_COLOR and FORCE_COLOR), always or never. --no-color is never.",
        rich_help_panel=OUTPUT,
    ),
]
Offline = Annotated[
    bool,
    typer.Option(
        "--offline",
        help="Fetch nothing. This is always so; the option says it aloud.",
        rich_help_panel=OUTPUT,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Leave less out of the terminal report; say on stderr what is read.",
        rich_help_panel=OUTPUT,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.", rich_help_panel=OUTPUT)
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an internal error.", rich_help_panel=OUTPUT)
]
Stamp = Annotated[
    bool, typer.Option("--stamp", help="Write the time of the audit into the report.", rich_help_panel=OUTPUT)
]
Rerun = Annotated[
    bool,
    typer.Option(
        "--rerun",
        help="Also rerun the training of HEAD and compare (needs --base and --data).",
        rich_help_panel=RERUN,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--steps", min=1, metavar="N", help="Rerun at most N optimizer steps.", rich_help_panel=RERUN
    ),
]
CoverageShare = Annotated[
    float | None,
    typer.Option(
        "--coverage",
        metavar="SHARE",
        help="Rerun at most this share of all steps, above 0 and at most 1, such as 0.3.",
        rich_help_panel=RERUN,
    ),
]
SpanWord = Annotated[
    str,
    typer.Option(
        "--span",
        metavar="SPAN",
        help="Which steps to rerun: auto, whole, prefix, segments, or A..B from a committed checkpoint.",
        rich_help_panel=RERUN,
    ),
]
Cache = Annotated[
    str | None,
    typer.Option(
        "--cache",
        metavar="list|clear",
        help="Show or remove the finished trainings that are kept.",
        rich_help_panel=RERUN,
    ),
]
NoControls = Annotated[
    bool,
    typer.Option(
        "--no-controls",
        help="Do not train near recipes and other readings where bits do not settle the question.",
        rich_help_panel=RERUN,
    ),
]
Environment = Annotated[
    str | None,
    typer.Option(
        "--environment",
        metavar="WHICH",
        help="Train with the libraries installed here (current, the default), with the releases that made the run "
        "(recorded), or with some that you choose (transformers==4.48.3,peft==0.14.0; the rest as recorded). uv "
        "downloads them: the only thing here that uses the network.",
        rich_help_panel=RERUN,
    ),
]
Trainer = Annotated[
    str | None,
    typer.Option(
        "--trainer",
        metavar="NAME",
        help="Who trains: auto (by what made the run), reference, sft or dpo (TRL), or command.",
        rich_help_panel=RERUN,
    ),
]
Command = Annotated[
    str | None,
    typer.Option(
        "--command",
        metavar="TEXT",
        help="Train with a script of yours instead: its command line, with {base}, {data}, {output}, {seed}, "
        "{max_steps} and {stop_at} filled in. It runs with your rights, in a folder of its own.",
        rich_help_panel=RERUN,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        metavar="N",
        help="Train N of the rerun's trainings at a time, each on a GPU of its own where there are several. "
        "Default: one on this machine, all at once on a cluster.",
        rich_help_panel=RERUN,
    ),
]
On = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="WHERE",
        help="Where to train: local, ray (ray:address=auto), or slurm with options of the queue "
        "(slurm:partition=gpu,timeout_min=60). Base, data and --keep must lie where every machine sees them.",
        rich_help_panel=RERUN,
    ),
]
Minutes = Annotated[
    float | None,
    typer.Option(
        "--minutes",
        min=0.1,
        metavar="M",
        help="Rerun the steps that fit M minutes, and stop after M minutes.",
        rich_help_panel=RERUN,
    ),
]
RunName = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="PATH",
        help="Which run to rerun when the repository holds several.",
        rich_help_panel=RERUN,
    ),
]
Keep = Annotated[
    Path | None,
    typer.Option(
        "--keep", metavar="DIR", help="Keep what the rerun wrote in this folder.", rich_help_panel=RERUN
    ),
]
NoCache = Annotated[
    bool,
    typer.Option("--no-cache", help="Train even if the same rerun was made before.", rich_help_panel=RERUN),
]
