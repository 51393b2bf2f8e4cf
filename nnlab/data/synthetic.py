"""Generators: moons, spirals, tones, a noisy sine and others, each from a rule that is known."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from nnlab.data.generator import (
    ClassGenerator,
    Generator,
    ValueGenerator,
    blur,
    classes,
    normal_below,
    numbered,
)
from nnlab.data.table import Table
from nnlab.registry import Count, CountOrZero, Expected, Fraction, NonNegative, Positive, table

TwoOrMore = Annotated[int, Ge(2), Expected("a whole number of 2 or more")]
FiveOrMore = Annotated[int, Ge(5), Expected("a whole number of 5 or more")]
PitchClasses = Annotated[int, Ge(2), Le(12), Expected("a whole number from 2 to 12")]
Octaves = Annotated[int, Ge(1), Le(3), Expected("a whole number from 1 to 3")]


@dataclass(frozen=True)
class Moons(ClassGenerator):
    """Two half circles that reach into each other.

        upper: (cos t, sin t),   lower: (1 - cos t, 1/2 - sin t),   t ~ U(0, pi)

    Args:
        noise: standard deviation added to both coordinates.

    Source: the shape of scikit-learn's `make_moons`, with t drawn instead of spaced.

    >>> Moons(noise=0).draw(4, np.random.default_rng(0)).target.sum()
    np.int64(2)
    """

    name = "moons"
    noise: NonNegative = 0.2

    def draw(self, rows: int, rng: np.random.Generator) -> Table:
        labels = self.labels(rows, 2, rng)
        t = rng.uniform(0, np.pi, rows)
        x = np.where(labels == 0, np.cos(t), 1 - np.cos(t))
        y = np.where(labels == 0, np.sin(t), 0.5 - np.sin(t))
        return classes(blur([x, y], self.noise, rng), labels, ("upper", "lower"))


@dataclass(frozen=True)
class Circles(ClassGenerator):
    """A circle of radius 1 around a smaller one.

        (r cos t, r sin t),   r = 1 or factor,   t ~ U(0, 2 pi)

    Args:
        noise: standard deviation added to both coordinates.
        factor: radius of the inner circle, in [0, 1).

    Source: the shape of scikit-learn's `make_circles`, with t drawn instead of spaced.

    >>> Circles().draw(3, np.random.default_rng(0)).features.shape
    (3, 2)
    """

    name = "circles"
    noise: NonNegative = 0.1
    factor: Fraction = 0.5

    def draw(self, rows: int, rng: np.random.Generator) -> Table:
        labels = self.labels(rows, 2, rng)
        t = rng.uniform(0, 2 * np.pi, rows)
        r = np.where(labels == 0, 1.0, self.factor)
        return classes(blur([r * np.cos(t), r * np.sin(t)], self.noise, rng), labels, ("outer", "inner"))


@dataclass(frozen=True)
class Spirals(ClassGenerator):
    """Arms that wind around the origin, one for each class.

        (r cos a, r sin a),   a = 2 pi (turns r + k / classes),   r ~ U(0, 1)

    Args:
        noise: standard deviation added to both coordinates.
        turns: how often an arm winds around the origin.
        classes: number of arms.

    Source: Lang and Witbrock (1988), Learning to tell two spirals apart.

    >>> Spirals(classes=3).draw(3, np.random.default_rng(0)).class_names
    ('arm 1', 'arm 2', 'arm 3')
    """

    name = "spirals"
    noise: NonNegative = 0.05
    turns: Positive = 1.5
    classes: TwoOrMore = 2

    def draw(self, rows: int, rng: np.random.Generator) -> Table:
        labels = self.labels(rows, self.classes, rng)
        r = rng.uniform(0, 1, rows)
        a = 2 * np.pi * (self.turns * r + labels / self.classes)
        points = blur([r * np.cos(a), r * np.sin(a)], self.noise, rng)
        return classes(points, labels, numbered("arm ", self.classes))


@dataclass(frozen=True)
class Xor(ClassGenerator):
    """Four Gaussian clouds at (+-1, +-1); the class says whether the signs are the same.

    A point is misread when exactly one coordinate crosses zero, so the Bayes error is
    2 q (1 - q) with q = Phi(-1 / noise).

    Args:
        noise: standard deviation of a cloud in each coordinate.

    >>> round(Xor(noise=0.5).draw(8, np.random.default_rng(0)).known_error, 4)
    0.0445
    """

    name = "xor"
    noise: NonNegative = 0.5

    def draw(self, rows: int, rng: np.random.Generator) -> Table:
        labels = self.labels(rows, 2, rng)
        x = rng.choice([-1.0, 1.0], rows)
        y = np.where(labels == 0, x, -x)
        q = normal_below(-1, self.noise)
        return classes(
            blur([x, y], self.noise, rng), labels, ("same", "different"), self.if_balanced(2 * q * (1 - q))
        )


@dataclass(frozen=True)
class Blobs(ClassGenerator):
    """Gaussian clouds at equal angles on the unit circle, one for each class.

    The nearest centre is the best guess. Its error is that of phase-shift keying with M = classes:

        (1/pi) integral from 0 to pi - pi/M of exp(-sin(pi/M)^2 / (2 noise^2 sin(t)^2)) dt

    Args:
        noise: standard deviation of a cloud in each feature.
        classes: number of clouds, M.
        features: columns; those after the second hold noise only.

    Source: Craig (1991), A new, simple and exact result for calculating the probability of error
    for two-dimensional signal constellations.

    >>> round(Blobs(noise=0.5, classes=2).draw(8, np.random.default_rng(0)).known_error, 5)
    0.02275
    """

    name = "blobs"
    noise: NonNegative = 0.4
    classes: TwoOrMore = 3
    features: TwoOrMore = 2

    def draw(self, rows: int, rng: np.random.Generator) -> Table:
        labels = self.labels(rows, self.classes, rng)
        angle = 2 * np.pi * labels / self.classes
        centre = np.zeros((self.features, rows))
        centre[:2] = np.cos(angle), np.sin(angle)
        points = blur(centre, self.noise, rng)
        return classes(points, labels, numbered("blob ", self.classes), self.if_balanced(self._bayes_error()))

    def _bayes_error(self) -> float:
        if self.noise == 0:
            return 0.0
        end = np.pi - np.pi / self.classes
        t = (np.arange(10_000) + 0.5) * end / 10_000  # midpoints: the ends would divide by sin(0)
        height = (math.sin(np.pi / self.classes) / (self.noise * np.sin(t))) ** 2
        return float(np.exp(-height / 2).mean() * end / np.pi)


@dataclass(frozen=True)
class TwoNorm(ClassGenerator):
    """Two Gaussian clouds whose difference is spread thinly over all features.

        x ~ N(+-a, noise^2) in every feature,   a = 2 / sqrt(features)

    The centres are at distance 4 whatever `features` is: the Bayes error is Phi(-2 / noise),
    2.275 % by default, and known for unbalanced classes, too.

    Args:
        noise: standard deviation in each feature.
        features: columns, all equally informative.

    Source: Breiman (1998), Arcing classifiers.

    >>> round(TwoNorm().draw(8, np.random.default_rng(0)).known_error, 5)
    0.02275
    """

    name = "twonorm"
    noise: NonNegative = 1.0
    features: Count = 20

    def draw(self, rows: int, rng: np.random.Generator) -> Table:
        labels = self.labels(rows, 2, rng)
        a = 2 / math.sqrt(self.features)
        points = blur(np.tile(np.where(labels == 0, -a, a), (self.features, 1)), self.noise, rng)
        return classes(points, labels, ("negative", "positive"), self._bayes_error())

    def _bayes_error(self) -> float:
        if self.noise == 0:
            return 0.0
        common, rare = self.priors(2)
        # Along the line between the centres, at -2 and 2, the best border lies where both are as likely.
        border = math.log(common / rare) * self.noise**2 / 4
        return float(
            common * normal_below(-2 - border, self.noise) + rare * normal_below(border - 2, self.noise)
        )


PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MIDDLE_C = 440 * 2 ** (-9 / 12)  # hertz: nine semitones below the A of concert pitch
RATE = 4000  # samples a second: above twice the highest tone, B6 with 1975.5 Hz


@dataclass(frozen=True)
class Tones(ClassGenerator):
    """Short pure tones; the class is the pitch class, in whichever octave the tone sounds.

        x_i = sin(2 pi f i / 4000 Hz + phase) + N(0, noise^2),   f = 261.63 Hz * 2^(octave + k / 12)

    The phase is random, so no single sample says anything about the class.

    Args:
        noise: standard deviation added to every sample; the tone has amplitude 1.
        classes: number of pitch classes, from C upwards by semitones.
        length: samples in a waveform, the number of features.
        octaves: how many octaves, from middle C upwards, a tone is drawn from.

    >>> Tones(classes=3, length=32).draw(3, np.random.default_rng(0)).class_names
    ('C', 'C#', 'D')
    """

    name = "tones"
    noise: NonNegative = 0.1
    classes: PitchClasses = 12
    length: TwoOrMore = 64
    octaves: Octaves = 1

    def draw(self, rows: int, rng: np.random.Generator) -> Table:
        labels = self.labels(rows, self.classes, rng)
        f = MIDDLE_C * 2.0 ** (rng.integers(0, self.octaves, rows) + labels / 12)
        phase = rng.uniform(0, 2 * np.pi, rows)
        i = np.arange(self.length)[:, None]  # (length, 1): times one row of frequencies
        waves = blur(np.sin(2 * np.pi * f * i / RATE + phase), self.noise, rng)
        return classes(waves, labels, PITCHES[: self.classes])


@dataclass(frozen=True)
class Sine(ValueGenerator):
    """One period of a sine.

        y = sin(2 pi x) + N(0, noise^2),   x ~ U(0, 1)

    Args:
        noise: standard deviation of the target.

    Source: Bishop (2006), Pattern Recognition and Machine Learning, section 1.1.

    >>> Sine(noise=0).draw(2, np.random.default_rng(0)).target.shape
    (2, 1)
    """

    name = "sine"
    noise: NonNegative = 0.3

    def draw(self, rows: int, rng: np.random.Generator) -> Table:
        x = rng.uniform(0, 1, (rows, 1))
        return self.values(x, np.sin(2 * np.pi * x), self.noise, rng, ("x",))


@dataclass(frozen=True)
class Linear(ValueGenerator):
    """A sum of some features, among others that do not matter.

        y = x_1 + ... + x_informative + N(0, noise^2),   x ~ N(0, 1)

    Args:
        noise: standard deviation of the target.
        informative: features in the sum.
        irrelevant: further features that say nothing about y.

    >>> Linear(informative=2, irrelevant=3).draw(4, np.random.default_rng(0)).features.shape
    (4, 5)
    """

    name = "linear"
    noise: NonNegative = 1.0
    informative: Count = 5
    irrelevant: CountOrZero = 15

    def draw(self, rows: int, rng: np.random.Generator) -> Table:
        x = rng.normal(size=(rows, self.informative + self.irrelevant))
        return self.values(x, x[:, : self.informative].sum(axis=1, keepdims=True), self.noise, rng)


@dataclass(frozen=True)
class Friedman1(ValueGenerator):
    """A smooth target of five features, among others that do not matter.

        y = 10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5 + N(0, noise^2),   x ~ U(0, 1)

    Args:
        noise: standard deviation of the target.
        features: columns, 5 or more.

    Source: Friedman (1991), Multivariate adaptive regression splines.

    >>> Friedman1(noise=2).draw(4, np.random.default_rng(0)).known_error
    4.0
    """

    name = "friedman1"
    noise: NonNegative = 1.0
    features: FiveOrMore = 10

    def draw(self, rows: int, rng: np.random.Generator) -> Table:
        x = rng.uniform(0, 1, (rows, self.features))
        x1, x2, x3, x4, x5 = x.T[:5]
        y = 10 * np.sin(np.pi * x1 * x2) + 20 * (x3 - 0.5) ** 2 + 10 * x4 + 5 * x5
        return self.values(x, y[:, None], self.noise, rng)


@dataclass(frozen=True)
class RobotArm(ValueGenerator):
    """Where the hand of a planar arm is, given the angles of its joints.

        (u, v) = sum_i (cos(a_1 + ... + a_i), sin(a_1 + ... + a_i)) / joints + N(0, noise^2)

    All links have one length and the arm has length 1; a_i ~ U(-pi/2, pi/2) is measured from
    the link before. Two outputs, so the noise variances add up to 2 noise^2.

    Args:
        noise: standard deviation of each of the two targets.
        joints: number of joints and of links, 2 or more.

    >>> RobotArm(joints=3).draw(4, np.random.default_rng(0)).target.shape
    (4, 2)
    """

    name = "robot_arm"
    noise: NonNegative = 0.05
    joints: TwoOrMore = 2

    def draw(self, rows: int, rng: np.random.Generator) -> Table:
        a = rng.uniform(-np.pi / 2, np.pi / 2, (rows, self.joints))
        heading = np.cumsum(a, axis=1)
        hand = np.stack([np.cos(heading).mean(axis=1), np.sin(heading).mean(axis=1)], axis=1)
        return self.values(a, hand, self.noise, rng, numbered("angle_", self.joints))


GENERATORS: dict[str, type[Generator]] = table(
    Moons, Circles, Spirals, Xor, Blobs, TwoNorm, Tones, Sine, Linear, Friedman1, RobotArm
)
