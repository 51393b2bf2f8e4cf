"""PyTorch, stacked: all runs as one computation with `baddbmm`, nnlab's idea written by hand."""

import os

import numpy as np
import torch
from common import accuracy, read, tell

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
WORK = read()
X, Y = torch.tensor(WORK.train_x), torch.tensor(WORK.train_y)
DECAY = torch.tensor(WORK.lambdas)[:, None, None] / WORK.rows


def run() -> list[float]:
    """Weights (runs, fan_in, fan_out), activations (runs, batch, units)."""
    first = [WORK.first_layers(seed) for seed in range(WORK.runs)]
    depth = len(WORK.sizes) - 1
    w = [torch.tensor(np.stack([net[i][0] for net in first])).requires_grad_() for i in range(depth)]
    b = [torch.tensor(np.stack([net[i][1] for net in first])).requires_grad_() for i in range(depth)]
    optimizer = torch.optim.Adam([*w, *b], lr=1e-3)
    for _ in range(WORK.epochs):
        order = torch.stack([torch.randperm(WORK.rows) for _ in range(WORK.runs)])
        for start in range(0, WORK.rows, WORK.batch):
            rows = order[:, start : start + WORK.batch]
            h = X[rows]
            for i in range(depth):
                h = torch.baddbmm(b[i][:, None, :], h, w[i])
                h = torch.relu(h) if i < depth - 1 else h
            loss = torch.nn.functional.cross_entropy(h.flatten(0, 1), Y[rows].flatten(), reduction="sum")
            penalty = torch.stack([(DECAY * layer * layer).sum() for layer in w]).sum()
            optimizer.zero_grad(set_to_none=True)
            (loss / WORK.batch + penalty / 2).backward()
            optimizer.step()
    weights, biases = ([part.detach().numpy() for part in parts] for parts in (w, b))
    return [accuracy(WORK, [(weights[i][r], biases[i][r]) for i in range(depth)]) for r in range(WORK.runs)]


tell(run)
