"""The one table of activations: what `model.activation` can name."""

from nnlab.nn.activation import Identity
from nnlab.nn.gates import Gelu, GeluTanh, HardSwish, Mish, Silu
from nnlab.nn.rectifiers import Celu, Elu, LeakyRelu, Relu, Relu6, Selu
from nnlab.nn.shrinking import Hardshrink, Softshrink, Tanhshrink
from nnlab.nn.smooth_rectifiers import LogSigmoid, Softplus, SparsePlus, Squareplus
from nnlab.nn.squashing import HardSigmoid, HardTanh, Sigmoid, Softsign, SparseSigmoid, Tanh
from nnlab.registry import table

ACTIVATIONS = table(
    Identity,
    Sigmoid,
    Tanh,
    Relu,
    LeakyRelu,
    Relu6,
    Elu,
    Celu,
    Selu,
    Gelu,
    GeluTanh,
    Silu,
    Mish,
    Softplus,
    Softsign,
    HardSigmoid,
    HardTanh,
    HardSwish,
    LogSigmoid,
    Tanhshrink,
    Squareplus,
    Softshrink,
    Hardshrink,
    SparsePlus,
    SparseSigmoid,
)
