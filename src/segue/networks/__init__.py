"""Networks: from specs and the shape of the data to a network, its summary and its source."""

from segue.networks.network import Network, NetworkSummary, SummaryRow
from segue.networks.specs import (
    NetworkLike,
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
    "SummaryRow",
    "as_specs",
    "current_json",
    "is_custom",
    "specs_from_json",
    "split_head",
    "with_embedding",
]
