"""One module per case; each has `run(bench)`, which returns rows by the name of the variant."""
