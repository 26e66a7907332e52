"""Fleets of real processes on one database, measured from the outside and from the inside."""
