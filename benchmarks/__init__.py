"""What IMAPX costs, side by side with what it stands on. docs/benchmarks.md says how to run it and how to read it."""
