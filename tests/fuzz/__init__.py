"""Fuzzing of every core that reads a camera's bytes, or a worker's: only documented errors may escape.

Three ways: pytest runs some hundred inputs of each target, always the same ones; `python -m tests.fuzz --target all
--executions N` mutates the seeds for as long as one likes; `--atheris` is guided by coverage (the extra `fuzz`).
An input that a fault was found with is kept in tests/data/fuzz/TARGET and runs with every test from then on.
"""
