"""JAX: all runs and all steps as one compiled program, `jit(vmap(scan))`; its first call compiles."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from common import accuracy, read, tell

WORK = read()
X, Y = jnp.asarray(WORK.train_x), jnp.asarray(WORK.train_y)
ADAM = optax.adam(1e-3)
DEPTH = len(WORK.sizes) - 1


def loss(layers: Any, x: Any, y: Any, strength: Any) -> Any:
    """The objective of one run on one batch."""
    penalty = sum((w * w).sum() for w, _ in layers) * strength / (2 * WORK.rows)
    for w, b in layers[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = layers[-1]
    return optax.softmax_cross_entropy_with_integer_labels(x @ w + b, y).mean() + penalty


def train(layers: Any, key: Any, strength: Any) -> Any:
    """One run, from first layers to last."""

    def step(carry: Any, rows: Any) -> Any:
        layers, state = carry
        change, state = ADAM.update(jax.grad(loss)(layers, X[rows], Y[rows], strength), state)
        return (optax.apply_updates(layers, change), state), None

    def epoch(carry: Any, key: Any) -> Any:
        order = jax.random.permutation(key, WORK.rows).reshape(-1, WORK.batch)
        return jax.lax.scan(step, carry, order)[0], None

    keys = jax.random.split(key, WORK.epochs)
    return jax.lax.scan(epoch, (layers, ADAM.init(layers)), keys)[0][0]


COMPILED = jax.jit(jax.vmap(train))


def run() -> list[float]:
    """All runs at once."""
    nets = [WORK.first_layers(seed) for seed in range(WORK.runs)]
    first = [tuple(jnp.stack([net[i][j] for net in nets]) for j in (0, 1)) for i in range(DEPTH)]
    keys = jax.random.split(jax.random.PRNGKey(0), WORK.runs)
    last = [(np.asarray(w), np.asarray(b)) for w, b in COMPILED(first, keys, jnp.asarray(WORK.lambdas))]
    return [accuracy(WORK, [(w[r], b[r]) for w, b in last]) for r in range(WORK.runs)]


tell(run)
