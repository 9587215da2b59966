"""This room holds the benchmarks: each is a program with --help, a readable table and --json."""
