"""PyTorch: a module, and a plain loop over tensors in memory; no DataLoader."""

from __future__ import annotations

from typing import Any

import torch
from cases import RATE, Case, Weights
from torch import Tensor, nn
from torch.nn import functional
from train_shared import Train, run

LOSSES = {
    "squared": lambda out, y: functional.mse_loss(out[:, 0], y),
    "classes": functional.cross_entropy,
    "binary": lambda out, y: functional.binary_cross_entropy_with_logits(out, y.view_as(out)),
}


class Network(nn.Module):
    def __init__(self, case: Case, steps: int, channels: int) -> None:
        super().__init__()
        self.case = case
        both = case.cell == "bilstm"
        width = case.units * (1 + both) or steps * channels
        if case.units:
            kind = nn.GRU if case.cell == "gru" else nn.LSTM
            self.cell = kind(channels, case.units, batch_first=True, bidirectional=both)
        sizes = [width, *case.dense, case.outputs]
        self.dense = nn.ModuleList(map(nn.Linear, sizes[:-1], sizes[1:]))

    def forward(self, x: Tensor) -> Tensor:
        if not self.case.units:
            x = x.flatten(1)
        elif self.case.dropout and self.training:
            x = self.dropped(x)
        else:
            last = self.cell(x)[1]
            last = last[0] if isinstance(last, tuple) else last  # an LSTM has a cell state, too
            x = torch.cat(list(last), -1)
        for dense in self.dense[:-1]:
            x = dense(x).relu()
        return self.dense[-1](x)

    def dropped(self, x: Tensor) -> Tensor:
        """An LSTM whose masks are the same at all steps, which `nn.LSTM` cannot have."""
        rate, weights = self.case.dropout, self.cell._flat_weights
        x = x * functional.dropout(torch.ones_like(x[:, :1]), rate)
        h = c = x.new_zeros(len(x), self.case.units)
        mask = functional.dropout(torch.ones_like(h), rate)
        for step in x.unbind(1):
            h, c = torch.lstm_cell(step, (h * mask, c), *weights)
        return h

    @torch.no_grad()
    def copy_from(self, weights: Weights, device: str) -> None:
        """The gates have the same order; of a GRU the first two change places."""
        state = {}
        for key, value in weights.items():
            layer, *direction, part = key.split("/")
            array = torch.from_numpy(value).to(device)
            if layer.startswith(("head", "dense")):
                number = len(self.dense) if layer == "head" else int(layer.split("_")[1])
                at = f"dense.{number - 1}.{'bias' if part == 'bias' else 'weight'}"
                state[at] = array.T if part == "kernel" else array
                continue
            if layer.startswith("gru"):
                update, reset, new = array.chunk(3, -1)
                array = torch.cat([reset, update, new], -1)
            end = "_l0_reverse" if direction == ["backward"] else "_l0"
            if part == "bias":
                pair = array if array.ndim == 2 else (array, torch.zeros_like(array))
                state[f"cell.bias_ih{end}"], state[f"cell.bias_hh{end}"] = pair
            else:
                state[f"cell.weight_{'ih' if part == 'kernel' else 'hh'}{end}"] = array.T
        self.load_state_dict(state)


def build(case: Case, data: dict[str, Any], weights: Weights, job: dict[str, Any]) -> Train:
    """The job may say `bfloat16`: what autocast computes in it."""
    torch.set_num_threads(job["threads"])
    torch.manual_seed(job["seed"])
    device = job.get("device", "cpu")
    x, y = (torch.from_numpy(data[name]).to(device) for name in ("x", "y"))
    y = y.float() if case.loss == "binary" else y
    network = Network(case, *x.shape[1:]).to(device)
    network.copy_from(weights, device)
    for name, weight in network.named_parameters():  # the others have one bias
        weight.requires_grad_("bias_hh" not in name or case.cell == "gru")
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    if case.optimizer == "adam":
        optimizer: Any = torch.optim.Adam(trained, RATE, fused=True)
    else:
        optimizer = torch.optim.RMSprop(trained, RATE, alpha=0.9, eps=1e-7, foreach=True)
    loss_of = LOSSES[case.loss]

    def train() -> list[float]:
        losses = []
        for _ in range(case.epochs):
            total = torch.zeros((), device=device)
            for batch in torch.randperm(len(x), device=device).split(case.batch):
                with torch.autocast(x.device.type, torch.bfloat16, enabled="bfloat16" in job):
                    out = network(x[batch])
                loss = loss_of(out.float(), y[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(batch)
            losses.append(float(total) / len(x))
        return losses

    return train


if __name__ == "__main__":
    run(build)
