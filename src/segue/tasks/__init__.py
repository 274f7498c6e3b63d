"""Tasks: what differs between classifying, labelling steps, regression, forecasts and language.

One file a task, one frozen object a fitted task; a new one is a file and a row here.
"""

from segue.tasks.base import Encoded, ObjectiveName, Task
from segue.tasks.classify import Classify, Multilabel
from segue.tasks.forecast import Forecast
from segue.tasks.label import Label
from segue.tasks.language import Language
from segue.tasks.regress import Regress

__all__ = [
    "TASKS", "Classify", "Encoded", "Forecast", "Label", "Language", "Multilabel",
    "ObjectiveName", "Regress", "Task",
]  # fmt: skip


TASKS: dict[str, type[Task]] = {
    task.name: task for task in (Classify, Multilabel, Label, Regress, Forecast, Language)
}
