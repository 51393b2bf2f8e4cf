"""The network: activations, initializers, losses, optimizers, regularizers, and the population of MLPs."""
