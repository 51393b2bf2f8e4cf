"""The tests of nnlab."""
