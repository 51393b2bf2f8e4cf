"""The data: generators, real sets and tables, split, encoded and scaled."""
