"""Decomposition: an error as bias, variance and noise, from what many networks say of the same test rows.

K networks were trained on training sets of their own, and predict the same N rows. Each function takes
what they say, (K, N, ...), and gives means over the rows that add up: error = bias2 + variance + noise.

Where the K networks are every pair of S data sets and I seeds (the first I of them on the first data
set), the variance has two parts: between data sets, Var_D E_seed f, and between seeds, E_D Var_seed f,
which is that of first weights and batch order on one data set (Neal et al., 2018).
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Parts:
    """An error and what it is made of; NaN where it is not defined.

    Args:
        error: mean over networks and rows.
        bias2: of the mean prediction; it holds the noise where that is not known.
        variance: of the predictions around their mean.
        noise: of the targets; None where it is not known.
        variance_data, variance_seeds: the two parts of the variance where data sets and seeds are crossed.
    """

    error: float
    bias2: float
    variance: float
    noise: float | None = None
    variance_data: float = math.nan
    variance_seeds: float = math.nan


def squared_error(f: Values, y: Values, noise: float | None = None, data_sets: int = 1) -> Parts:
    """The squared error, summed over outputs: E (f - y)^2 = noise + (E f - E y)^2 + Var f.

    Unbiased: the variance divides by K - 1, and bias2 is what is left of the error. So bias2 may come out
    below 0, which means: not to be told from 0.

    With crossed data sets and seeds, f = mean + data + seed + both, and the seeds are the same in every
    data set: their effect is common to the means of all data sets. So the variance between data sets is
    that of these means less 1/I of the variance of `both`, as in an analysis of variance.

    Args:
        f: predictions, (K, N, outputs).
        y: targets, (N, outputs).
        noise: variance of the targets around their expectation, summed over outputs.
        data_sets: S, if data sets and seeds are crossed.

    >>> squared_error(np.array([[[1.0]], [[3.0]]]), np.array([[1.0]]))
    Parts(error=2.0, bias2=0.0, variance=2.0, noise=None, variance_data=nan, variance_seeds=nan)
    """
    error = float(np.square(f - y).sum(axis=2).mean())
    of_data, of_seeds = math.nan, math.nan
    if len(f) < 2:
        variance = math.nan
    elif data_sets == 1:
        variance = _mean(f.var(axis=0, ddof=1))
    else:
        of_data, of_seeds = _crossed_variance(f.reshape(data_sets, -1, *f.shape[1:]))
        variance = of_data + of_seeds
    return Parts(error, error - variance - (noise or 0), variance, noise, of_data, of_seeds)


def _crossed_variance(f: Values) -> tuple[float, float]:
    """Between data sets and between seeds; f has shape (S, I, N, outputs)."""
    sets, seeds = f.shape[:2]
    of_data, of_seeds = f.mean(axis=1, keepdims=True), f.mean(axis=0, keepdims=True)
    both = f - of_data - of_seeds + f.mean(axis=(0, 1), keepdims=True)
    of_both = np.square(both).sum(axis=(0, 1)) / ((sets - 1) * (seeds - 1))
    return _mean(of_data[:, 0].var(axis=0, ddof=1) - of_both / seeds), _mean(f.var(axis=1, ddof=1))


def _mean(of_rows: Values) -> float:
    """The sum over outputs, its mean over rows (and over data sets where there are several)."""
    return float(of_rows.sum(axis=-1).mean())


def zero_one(predicted: Labels, labels: Labels, classes: int, data_sets: int = 1) -> Parts:
    """The share of wrong answers, by Kohavi and Wolpert (1996): it adds up for any number of classes.

    With P_c the share of networks that say c, and t_c one for the true class: bias2 = 1/2 sum (t_c - P_c)^2,
    variance = 1/2 (1 - sum P_c^2). That is half the squared error of the answers as one-hot vectors; here
    in its unbiased form.

    Args:
        predicted: classes, (K, N).
        labels: true classes, (N,).
        classes: how many there are.
        data_sets: S, if data sets and seeds are crossed.

    >>> parts = zero_one(np.array([[0, 1], [1, 1]]), np.array([0, 0]), classes=2)
    >>> parts.error, parts.bias2, parts.variance
    (0.75, 0.5, 0.25)
    """
    one_hot = np.eye(classes)
    return _scaled(squared_error(one_hot[predicted], one_hot[labels], data_sets=data_sets), 0.5)


def zero_one_domingos(predicted: Labels, labels: Labels, classes: int) -> Parts:
    """The share of wrong answers, by Domingos (2000), for targets without noise.

    The main prediction of a row is what most networks say (the first class of several). Its bias is 1 if
    that is wrong, otherwise 0. Networks that say something else raise the error of a row without bias, by
    their share, and lower it where they are right against the main prediction: the variance is net of that.
    It is a plug-in estimate; one network has no main prediction but its own, so neither part is defined.

    >>> zero_one_domingos(np.array([[0], [0], [1], [1]]), np.array([1]), classes=2)
    Parts(error=0.5, bias2=1.0, variance=-0.5, noise=None, variance_data=nan, variance_seeds=nan)
    """
    error = float((predicted != labels).mean())
    if len(predicted) < 2:
        return Parts(error, math.nan, math.nan)
    shares = np.stack([(predicted == c).mean(axis=0) for c in range(classes)])
    main, rows = shares.argmax(axis=0), np.arange(len(labels))
    biased, right = main != labels, shares[labels, rows]
    variance = np.where(biased, -right, 1 - shares[main, rows])
    return Parts(error, float(biased.mean()), float(variance.mean()))


def cross_entropy(log_p: Values, labels: Labels, data_sets: int = 1) -> Parts:
    """-log p of the true class: E CE(y, p_k) = CE(y, p) + E KL(p || p_k) (Heskes, 1998; Yang et al., 2020).

    p is the geometric mean of the p_k, normalized: log p_c = mean_k log p_kc - log sum_c exp(mean_k log
    p_kc), and the variance is minus that last term. No unbiased form is known: this is the plug-in
    estimate, whose variance is too low and bias2 too high where the networks are few.

    With crossed data sets and seeds, the variance between seeds is the mean of that of each data set, and
    the rest is between data sets.

    Args:
        log_p: logarithms of the probabilities of the classes, (K, N, classes).
        labels: true classes, (N,).
        data_sets: S, if data sets and seeds are crossed.

    >>> parts = cross_entropy(np.log([[[0.8, 0.2]], [[0.2, 0.8]]]), np.array([0]))
    >>> round(parts.bias2, 12) == round(math.log(2), 12)  # the geometric mean is 1/2, 1/2
    True
    """
    from scipy.special import logsumexp  # 100 ms that reports without a decomposition do without

    rows = np.arange(len(labels))
    error = float(-log_p[:, rows, labels].mean())
    if len(log_p) < 2:
        return Parts(error, math.nan, math.nan)
    mean = log_p.mean(axis=0)
    log_total = logsumexp(mean, axis=-1)
    bias2, variance = float((log_total - mean[rows, labels]).mean()), float(-log_total.mean())
    if data_sets == 1:
        return Parts(error, bias2, variance)
    of_each = log_p.reshape(data_sets, -1, *log_p.shape[1:]).mean(axis=1)
    of_seeds = float(-logsumexp(of_each, axis=-1).mean())
    return Parts(error, bias2, variance, variance_data=variance - of_seeds, variance_seeds=of_seeds)


def binary_cross_entropy(z: Values, targets: Labels, data_sets: int = 1) -> Parts:
    """The cross-entropy of one sigmoid for each unit, summed over units.

    Args:
        z: pre-activations, (K, N, units).
        targets: 0 or 1, (N, units).
        data_sets: S, if data sets and seeds are crossed.
    """
    log_p = np.stack([-np.logaddexp(0, z), -np.logaddexp(0, -z)], axis=-1)
    each = cross_entropy(log_p.reshape(len(z), -1, 2), targets.ravel(), data_sets)
    return _scaled(each, z.shape[2])


def _scaled(parts: Parts, factor: float) -> Parts:
    """All parts times a factor; none of them has a noise that is known."""
    scaled = {name: factor * value for name, value in vars(parts).items() if value is not None}
    return replace(parts, **scaled)
