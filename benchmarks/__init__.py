"""What IMAPX costs, side by side with what it stands on: `python -m benchmarks`. docs/benchmarks.md says how to read it."""
