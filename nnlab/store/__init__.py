"""The folder of an experiment, runs/<name>/: results in, tables out. Only this package writes there."""
