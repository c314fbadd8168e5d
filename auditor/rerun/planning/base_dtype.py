"""The number type in which an unquantised base was loaded, which no argument of the Trainer tells."""

from collections.abc import Iterator, Mapping

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.errors import CannotRead
from auditor.model import Alternative, Setting
from auditor.runs import Run

KEY, CAST = "dtype", "cast_to"
DTYPES = ("float32", "bfloat16", "float16")
AUTO = Setting("auto", "no file says it: the type of the base's files", assumed=True)
NOT_CAST = Setting(None, "no file says it: the base stays as it was loaded", assumed=True)
_WORDS = {"BF16": "bfloat16", "F16": "float16"}


def of_base(run: Run, quantised: bool) -> Mapping[str, Setting]:
    """``dtype`` by the event file's model configuration, else by untrained lora_A, else as the base is stored.

    The configuration has the type that ``from_pretrained`` loaded under ``dtype`` (transformers 4.56 and newer,
    modeling_utils.py); the older ``torch_dtype`` may be that of the file, where the model was loaded in float32. A
    model cast later keeps the word, so where lora_A show another type, ``cast_to`` is that; a quantised base has none.
    """
    found = _of_plain_base(run)
    return {KEY: found[KEY]} if quantised else found


def _of_plain_base(run: Run) -> Mapping[str, Setting]:
    rounding = _by_rounding(run)
    for log in run.events:
        found = (log.model_config() or {}).get(KEY)
        if found in DTYPES:
            cast = rounding is not None and rounding.value != found
            loaded = Setting(found, f"{log.path}#model_config/{KEY}")
            return {KEY: loaded, CAST: rounding if cast and rounding is not None else NOT_CAST}
    return {KEY: rounding or AUTO, CAST: NOT_CAST}


def _by_rounding(run: Run) -> Setting | None:
    """PEFT draws lora_A in float32 and rounds it to the base's type before it is trained in float32.

    So modules that never trained still hold shorter numbers, and those that trained do not (peft 0.21.2,
    tuners/lora/layer.py ``update_layer``, tuners/tuners_utils.py ``cast_adapter_dtype``).
    """
    from auditor.compare.initial import held_in

    for folder in (run.root, *run.checkpoints):
        weights = folder.one(AdapterWeights)
        if weights is None:
            continue
        try:
            held = held_in(weights)
        except CannotRead:
            continue
        short = {dtype for dtype in held if dtype in _WORDS}
        if len(short) == 1 and "F32" in held:
            dtype = short.pop()
            says = f"{held.count(dtype)} of {len(held)} lora_A in {weights.path} hold numbers of that type"
            return Setting(_WORDS[dtype], f"{says}, as PEFT leaves them on such a base", assumed=True)
    return None


def readings(run: Run, known: Mapping[str, Setting]) -> Iterator[Alternative]:
    """The other ways in which scripts load an unquantised base.

    Transformers 4 took float32 unless asked, 5 takes the type of the files; ``model.to(torch.bfloat16)`` comes after
    either, and rounds buffers too, such as the scale of Gemma's embeddings.
    """
    if KEY not in known or CAST not in known or known["quantization"].value is not None:
        return
    loaded, cast = known[KEY], known[CAST].value
    stored = run.base.torch_dtype if run.base is not None else None
    taken = stored if loaded.value == "auto" else loaded.value
    if cast is not None:
        yield _reading({KEY: cast, CAST: None})
    elif taken in _WORDS.values():
        yield _reading({KEY: "float32", CAST: taken})
    else:
        yield _reading({CAST: "bfloat16"})
    if loaded.assumed:
        yield _reading({KEY: "bfloat16" if taken == "float32" else "float32", CAST: None})


def _reading(changes: Mapping[str, object]) -> Alternative:
    words = ", ".join(f"{key} = {value}" for key, value in changes.items() if value is not None)
    return Alternative(changes, f"{words}: no file says how the base was loaded", open=True)
