"""The config: strict YAML in, a typed and frozen record or every problem at once out."""
