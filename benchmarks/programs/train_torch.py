"""PyTorch, eager: a module for each run, one after the other, as most scripts are written."""

import os
from itertools import pairwise

import torch
from common import accuracy, read, tell
from torch import nn

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
WORK = read()
X, Y = torch.tensor(WORK.train_x), torch.tensor(WORK.train_y)


def run() -> list[float]:
    """The L2 term is Adam's own weight decay, on the weights alone."""
    return [train(seed, strength) for seed, strength in enumerate(WORK.lambdas[: WORK.few])]


def train(seed: int, strength: float) -> float:
    """One network."""
    torch.manual_seed(seed)
    parts: list[nn.Module] = []
    for fan_in, fan_out in pairwise(WORK.sizes):
        parts += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    net = nn.Sequential(*parts[:-1])
    weights = [p for p in net.parameters() if p.ndim == 2]
    biases = [p for p in net.parameters() if p.ndim == 1]
    groups = [{"params": weights, "weight_decay": strength / WORK.rows}, {"params": biases}]
    optimizer, loss = torch.optim.Adam(groups, lr=1e-3), nn.CrossEntropyLoss()
    for _ in range(WORK.epochs):
        order = torch.randperm(WORK.rows)
        for start in range(0, WORK.rows, WORK.batch):
            rows = order[start : start + WORK.batch]
            optimizer.zero_grad(set_to_none=True)
            loss(net(X[rows]), Y[rows]).backward()
            optimizer.step()
    linear = [part for part in parts if isinstance(part, nn.Linear)]
    return accuracy(WORK, [(p.weight.detach().numpy().T, p.bias.detach().numpy()) for p in linear])


tell(run, WORK.runs / WORK.few)
