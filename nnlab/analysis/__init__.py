"""The analysis: frames of runs in, frames of comparisons out."""
