"""Networks: from specs and the shape of the data to a network, its summary and its source."""

from segue.networks.foreign import current_json, specs_from_json
from segue.networks.network import Network
from segue.networks.specs import (
    NetworkLike,
    as_specs,
    is_custom,
    split_head,
    with_embedding,
)
from segue.networks.summary import NetworkSummary, SummaryRow

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
