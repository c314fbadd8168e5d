"""The training child of a rerun: `python -m auditor.rerun.train JOB.json`, or by path in another environment.

Each job leaves an ordinary Trainer output folder, plus `init/` (the adapter before training),
`rerun_steps.jsonl` (one line an optimizer step), `rerun_examples.json` (the data rows of each example) and
`environment.json`. Progress goes to stdout, one JSON line an event; what libraries print goes to stderr.
"""

import gc
import inspect
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from auditor.rerun.job import (
        LORA_KEYS,
        ROW_KEYS,
        TRAINER_KEYS,
        Job,
        JobError,
        Settings,
        read_jobs,
        total_steps,
    )
    from auditor.rerun.rows import Examples, load_examples, pad
    from auditor.rerun.steplog import Events, StepLog, host_facts, write_json
else:  # run by path, in an environment that has no auditor: only this folder is known
    from job import LORA_KEYS, ROW_KEYS, TRAINER_KEYS, Job, JobError, Settings, read_jobs, total_steps
    from rows import Examples, load_examples, pad
    from steplog import Events, StepLog, host_facts, write_json

    del sys.path[0]  # so that no file of this folder can stand in for a library's module

STARTED = time.monotonic()
os.environ.update(
    HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TOKENIZERS_PARALLELISM="false"
)
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what torch asks for deterministic cuBLAS

import peft  # noqa: E402 - these libraries read their environment when they are imported
import torch  # noqa: E402
import transformers  # noqa: E402

# Of a generator that nobody seeded: torch, c10/core/GeneratorImpl.h, default_rng_seed_val.
FRESH_SEED = 67280421310721
_BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
# The other ways (pissa, olora, loftq, eva, corda) rewrite the base's own weights.
_INIT_KEEPS_BASE = (True, False, "gaussian", "orthogonal")


class Base:
    """Keeps the last base model loaded, because loading and quantising it costs as much as a short run."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] | None = None
        self._model: Any = None

    def get(self, job: Job) -> Any:
        """Returns a job's frozen base without an adapter; the one kept is freed first when it is another."""
        s = job.settings
        how = (s.quantization, s.bnb_4bit_quant_type, s.bnb_4bit_use_double_quant, s.compute_dtype)
        key = (job.base.resolve(), how, s.gradient_checkpointing, s.attn_implementation)
        if key != self._key:
            self.drop()
            self._model = load_base(job.base, s)
            self._key = key
        return self._model

    def take_back(self, model: Any, settings: Settings) -> None:
        """Takes the adapter off again, or drops a base whose own tensors the recipe trains or rewrites."""
        untouched = settings.bias == "none" and settings.modules_to_save is None
        if not untouched or settings.init_lora_weights not in _INIT_KEEPS_BASE:
            self.drop()
            return
        self._model = model.unload()
        vars(self._model).pop("peft_config", None)  # left by peft, which would warn at the next adapter

    def drop(self) -> None:
        """Frees the base that is kept, if any."""
        self._key = self._model = None
        gc.collect()
        torch.cuda.empty_cache()  # without a GPU this does nothing


class Recorder(transformers.TrainerCallback):  # type: ignore[misc]
    """Stops a run at the end of its span and hands every step to the log."""

    def __init__(self, job: Job, log: StepLog, events: Events) -> None:
        self.job, self.log, self.events = job, log, events

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: object) -> None:
        """Records step 0, the adapter as it was drawn."""
        self.log.step(0, bit_sums(model) if self.job.digests else None)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: object) -> None:
        """Closes the line of the step before, which by now holds its logged values."""
        self.log.flush()

    def on_substep_end(self, args: Any, state: Any, control: Any, **_: object) -> None:
        """Counts the micro-batches of the step."""
        self.log.substep()

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: object) -> None:
        """Records the step and, at the end of the span, asks for a checkpoint and no more steps."""
        self.log.step(state.global_step, bit_sums(model) if self.job.digests else None)
        if state.global_step == self.job.stop_at:
            control.should_save = control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, object], **_: object) -> None:
        """Passes on loss, grad_norm and learning_rate."""
        self.log.logged(logs)

    def on_save(self, args: Any, state: Any, control: Any, **_: object) -> None:
        """Tells the parent that a checkpoint is on disk."""
        self.events.emit("saved", job=self.job.name, step=state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: object) -> None:
        """Closes the log."""
        self.log.close()


def bit_sums(model: Any) -> dict[str, int]:
    """Returns the sum of each trainable tensor's bits, by its name in adapter_model.safetensors.

    Summed as int64 over the pattern read as int32 (float32) or int16 (bfloat16, float16), on the device.
    """
    named = [(name, tensor.detach()) for name, tensor in model.named_parameters() if tensor.requires_grad]
    sums = [tensor.view(_BITS[tensor.element_size()]).sum(dtype=torch.int64) for _, tensor in named]
    names = [name.replace(".modules_to_save.default", "").replace(".default", "") for name, _ in named]
    return dict(zip(names, torch.stack(sums).tolist(), strict=True))


def load_base(folder: Path, settings: Settings) -> Any:
    """Returns the model of a local folder by its own architecture, quantised when the settings say so."""
    config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
    multimodal = hasattr(config, "vision_config")
    auto = transformers.AutoModelForImageTextToText if multimodal else transformers.AutoModelForCausalLM
    release = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    options: dict[str, Any] = {"dtype" if release >= (4, 56) else "torch_dtype": "auto"}
    if settings.quantization is not None:
        options["quantization_config"] = quantization_config(settings)
        options["device_map"] = {"": 0 if torch.cuda.is_available() else "cpu"}
    model = auto.from_pretrained(
        folder,
        attn_implementation=settings.attn_implementation,
        trust_remote_code=False,
        use_safetensors=True,
        **options,
    )
    if settings.quantization is not None:
        checkpointing = settings.gradient_checkpointing
        model = peft.prepare_model_for_kbit_training(model, checkpointing, {"use_reentrant": False})
    model.config.use_cache = False
    return model


def quantization_config(settings: Settings) -> Any:
    """Returns bitsandbytes' configuration for int4 or int8."""
    if settings.quantization == "int8":
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=settings.bnb_4bit_quant_type,
        bnb_4bit_use_double_quant=settings.bnb_4bit_use_double_quant,
        bnb_4bit_compute_dtype=settings.compute_dtype,
    )


def add_adapter(base: Any, settings: Settings) -> Any:
    """Returns the base with a new adapter, drawn right after the seed is set or by an unseeded generator."""
    if settings.draw_order == "seed_before_peft":
        transformers.set_seed(settings.seed)
    else:
        torch.manual_seed(FRESH_SEED)
    model = peft.get_peft_model(base, peft.LoraConfig(**settings.only(LORA_KEYS)))
    # Set afterwards, because get_peft_model writes the local folder's name here.
    model.peft_config["default"].base_model_name_or_path = settings.base_model_name_or_path
    model.peft_config["default"].revision = settings.revision
    return model


def training_arguments(job: Job, steps: int) -> Any:
    """Returns the Trainer's arguments; `steps` is the declared total, of which warm-up takes its share."""
    s = job.settings
    options = s.only(TRAINER_KEYS)
    if s.gradient_checkpointing:
        options["gradient_checkpointing_kwargs"] = {"use_reentrant": False}
    parameters = inspect.signature(transformers.TrainingArguments).parameters
    if s.warmup_ratio is not None and "warmup_ratio" in parameters:
        options["warmup_ratio"] = s.warmup_ratio  # transformers 4.x, whose total rounds in its own way
    else:
        options["warmup_steps"] = s.warmup_steps or math.ceil((s.warmup_ratio or 0.0) * steps)
    cuda = torch.cuda.is_available()
    return transformers.TrainingArguments(
        output_dir=str(job.output),
        max_steps=s.max_steps or -1,
        bf16=s.compute_dtype == "bfloat16",
        fp16=s.compute_dtype == "float16" and cuda,  # accelerate refuses fp16 on a CPU
        use_cpu=not cuda,
        report_to=job.report_to or "none",
        **options,
    )


def collator(
    examples: Examples, pad_id: int, length: int | None, log: StepLog
) -> Callable[[Sequence[dict[str, list[int]]]], dict[str, Any]]:
    """Returns a collate function that logs its batch: input_ids, attention_mask and labels, int64."""

    def collate(features: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
        padded = pad([feature["input_ids"] for feature in features], pad_id, length)
        log.collated(examples.take_drawn(), padded["input_ids"])
        return {key: torch.tensor(value, dtype=torch.int64) for key, value in padded.items()}

    return collate


def pin_machine(threads: int) -> None:
    """Fixes thread counts and asks for deterministic algorithms where they exist (others only warn)."""
    if threads:
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False


def environment(settings: Settings) -> dict[str, object]:
    """Returns what decides the bits of a run besides its recipe and inputs."""
    cuda = torch.cuda.is_available()
    return host_facts() | {
        "device": torch.cuda.get_device_name(0) if cuda else "cpu",
        "cuda": torch.version.cuda if cuda else None,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "allow_tf32": torch.backends.cuda.matmul.allow_tf32,
        "seed": settings.seed,
        "attn_implementation": settings.attn_implementation,
    }


def run(job: Job, bases: Base, events: Events) -> None:
    """Trains one job and leaves its output folder complete."""
    job.require_inputs()
    job.output.mkdir(parents=True, exist_ok=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(job.tokenizer, trust_remote_code=False)
    examples = load_examples(job.data, tokenizer, **job.settings.only(ROW_KEYS))
    write_json(job.output / "environment.json", environment(job.settings))
    spans = [[item.first_row, item.last_row] for item in examples.examples]
    write_json(job.output / "rerun_examples.json", spans)
    base = bases.get(job)
    steps = total_steps(len(examples), job.settings)
    events.emit("loaded", job=job.name, examples=len(examples), steps=steps)
    model = add_adapter(base, job.settings)
    model.save_pretrained(str(job.output / "init"))
    log = StepLog(job.output / "rerun_steps.jsonl", job.name, events)
    length = job.settings.max_length if job.settings.pad_to_max_length else None
    trainer = transformers.Trainer(
        model=model,
        args=training_arguments(job, steps),
        train_dataset=examples,
        data_collator=collator(examples, tokenizer.pad_token_id or 0, length, log),
        processing_class=tokenizer,
        callbacks=[Recorder(job, log, events)],
    )
    trainer.train()
    trainer.save_model()
    trainer.save_state()
    events.emit("done", job=job.name, step=trainer.state.global_step)
    bases.take_back(model, job.settings)


def main(arguments: Sequence[str]) -> None:
    """Runs every job of the file in order, in this process."""
    events = Events(STARTED)
    sys.excepthook = events.on_uncaught
    if len(arguments) != 1:
        raise JobError("usage: train.py JOB.json")
    orders = read_jobs(Path(arguments[0]))
    pin_machine(orders.threads)
    events.emit("imported")
    bases = Base()
    for job in orders.jobs:
        run(job, bases, events)
        gc.collect()


if __name__ == "__main__":
    main(sys.argv[1:])
