"""Networks: from specs and the shape of the data to a torch network, its summary and its source."""

from segue.networks.network import (
    Network,
    NetworkLike,
    NetworkSummary,
    PartialInput,
    SummaryRow,
    as_specs,
    current_json,
    is_custom,
    specs_from_json,
    split_head,
    with_embedding,
)

__all__ = [
    "Network",
    "NetworkLike",
    "NetworkSummary",
    "PartialInput",
    "SummaryRow",
    "as_specs",
    "current_json",
    "is_custom",
    "specs_from_json",
    "split_head",
    "with_embedding",
]
