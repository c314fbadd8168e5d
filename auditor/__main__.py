"""``python -m auditor`` and the console script. ``--version`` is answered before anything is imported."""

import sys


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from auditor import __version__

        sys.stdout.write(f"auditor {__version__}\n")
        return 0
    from auditor.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
