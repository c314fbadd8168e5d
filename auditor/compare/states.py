"""What the files of a training state say, as plain data: optimizer, schedule, random generators, gradient scaler.

Every function takes what the readers made and never raises: what cannot be told is a sentence in the description.
"""

from auditor.compare._generator_states import (
    CudaDescription,
    GeneratorDescription,
    GeneratorsDescription,
    RankDescription,
    describe_generators,
)
from auditor.compare._optimizer_state import (
    GroupDescription,
    OptimizerDescription,
    ParameterDescription,
    describe_optimizer,
)
from auditor.compare._parameter_names import module_order
from auditor.compare._scaler_state import ScalerDescription, describe_scaler
from auditor.compare._schedule_state import ScheduleDescription, describe_schedule
from auditor.compare._steps_in_words import steps_in_words

__all__ = [
    "CudaDescription",
    "GeneratorDescription",
    "GeneratorsDescription",
    "GroupDescription",
    "OptimizerDescription",
    "ParameterDescription",
    "RankDescription",
    "ScalerDescription",
    "ScheduleDescription",
    "describe_generators",
    "describe_optimizer",
    "describe_scaler",
    "describe_schedule",
    "module_order",
    "steps_in_words",
]
