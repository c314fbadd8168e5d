"""What old releases need to run beside a newer torch; nothing of it changes what is trained."""

import os


def patch() -> None:
    """Apply every patch that the installed releases need, before they are imported."""
    # transformers up to 4.48 loads its own random states with pickle; torch 2.6 and newer refuses by default.
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
