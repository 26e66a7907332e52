"""The log, the reader and their connections on real databases, in several threads and processes."""
