"""Load benchmarks: each is a program with --help, a readable table and --json."""
