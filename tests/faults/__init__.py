"""A fleet under faults: `make faults`, `make soak`. What is injected and how it is judged: docs/faults.md."""
