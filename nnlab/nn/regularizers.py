"""Regularizers: the table of all fixes for over-fitting that act while a network trains.

Each entry is one key of the config section `regularization`; its first field may stand alone there:
`l2: 0.1` is `l2: {strength: 0.1}`. They act in the order of the table.
"""

from nnlab.nn.averaging import Ema, Swa
from nnlab.nn.batch_norm import BatchNorm
from nnlab.nn.ensemble import Ensemble
from nnlab.nn.noise import AlphaDropout, DropConnect, Dropout, GaussianDropout, InputDropout, InputNoise
from nnlab.nn.penalties import L1, L2, GradientClipping, MaxNorm
from nnlab.nn.soft_targets import LabelSmoothing, Mixup
from nnlab.nn.stopping import EarlyStopping
from nnlab.registry import table

REGULARIZERS = table(
    InputNoise,
    InputDropout,
    Mixup,
    LabelSmoothing,
    Dropout,
    GaussianDropout,
    AlphaDropout,
    DropConnect,  # before all that look at the gradient
    L2,
    L1,
    MaxNorm,
    GradientClipping,
    Swa,
    Ema,
    BatchNorm,  # after those that average what it makes a plain network of
    EarlyStopping,
    Ensemble,
)
