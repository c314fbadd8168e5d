"""The training libraries, imported once their environment is set; the child's modules take them from here."""

import os

from . import patches

os.environ.update(
    HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TOKENIZERS_PARALLELISM="false"
)
# A Trainer that sees several GPUs splits its batches over them, which is another recipe (transformers 5.23.0,
# training_args.py, n_gpu).
os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what torch asks for deterministic cuBLAS
PATCHED = patches.apply(patches.PATCHES)
"""Names of the patches that the installed releases needed."""

import peft  # noqa: E402 - after the patches
import torch  # noqa: E402
import transformers  # noqa: E402

__all__ = ["PATCHED", "peft", "torch", "transformers"]
