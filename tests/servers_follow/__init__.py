"""Real servers in every way that they start processes: whether each process of them follows the revocation log."""
