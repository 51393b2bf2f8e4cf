"""Ready-made sets of strategies: each YAML file here is one, and `adopt` fits it to a config."""
