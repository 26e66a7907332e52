"""A small microblog: a JSON API with drf-lanyard, its tour, and a command-line client."""

#: Of alice, bob and admin. This is a demo.
PASSWORD = "wonderland"
