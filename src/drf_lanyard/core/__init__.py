"""Pure rules: no Django, no I/O, no clock of their own."""
