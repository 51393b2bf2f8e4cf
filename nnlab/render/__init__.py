"""The rendering: frames in, text of every format out."""
