"""The text language of networks and preparations, and the frozen specs that it describes.

    bilstm(100) dense(32, relu) dropout(0.3)
    repeat(3, residual(conv(64, 3) batchnorm relu)) pool(mean)

A text is a list of calls; each creates a spec, a small frozen dataclass: `lstm(128, dropout=0.2)`
and `LSTM(units=128, dropout=0.2)` are equal, and so is the spec read from its JSON. Positional
arguments fill the fields in order. The JSON schema is closed at every depth: unknown kinds and
fields are refused.

    network  = call { [ "," | "|" | "->" ] call }
    call     = word [ "(" [ argument { "," argument } ] ")" ]
    argument = [ word "=" ] value
    value    = number | "text" | true | false | none | "[" values "]" | word | chain
    chain    = call { [ "|" | "->" ] call }

Whether a bare word is a value or a chain of one spec follows from the type of its field.
"""

from segue.extras import lazy_names
from segue.spec.base import (
    Alias,
    Aliases,
    Count,
    Name,
    Nested,
    Rate,
    Size,
    Spec,
    Table,
    from_json,
    nested_fields,
    to_text,
)
from segue.spec.text import parse

__all__ = [
    "Alias",
    "Aliases",
    "Count",
    "Name",
    "Nested",
    "Rate",
    "Size",
    "Spec",
    "Table",
    "from_json",
    "nested_fields",
    "parse",
    "to_text",
]

__getattr__ = lazy_names(__name__, {}, {"renamed_arguments": "segue.errors.renamed_arguments"})
