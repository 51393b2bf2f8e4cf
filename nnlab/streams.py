"""Random streams: one seed gives an independent generator for each purpose."""

import numpy as np

# A purpose keeps its number for ever: a changed number changes every result ever stored.
PURPOSES = {
    "data": 0,
    "split": 1,
    "resample": 2,
    "label_noise": 3,
    "weights": 4,
    "batches": 5,
    "dropout": 6,
    "test_rows": 7,
    "search": 8,
    "sign_flips": 9,
    "bootstrap": 10,
    "input_noise": 11,
    "mixup": 12,
    "input_dropout": 13,
    "gaussian_dropout": 14,
    "alpha_dropout": 15,
    "dropconnect": 16,
    "monte_carlo": 17,
}


def stream(seed: int, purpose: str, member: int = 0) -> np.random.Generator:
    """The generator of one purpose, always from its start.

    Streams of different purposes or seeds are independent, so one source of randomness can be
    held still while another varies.

    Args:
        seed: a whole number of 0 or more.
        purpose: one of `PURPOSES`.
        member: of an ensemble; the first one has the streams of a network alone.

    >>> bool(stream(0, "weights").random() == stream(0, "weights").random())
    True
    >>> bool(stream(0, "weights").random() == stream(0, "batches").random())
    False
    """
    key = (PURPOSES[purpose], member) if member else (PURPOSES[purpose],)
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=key)
    return np.random.Generator(np.random.PCG64(sequence))
