"""One module per way to show who one is. The public names are in `drf_lanyard.authentication`."""
