"""Simulated legacy cameras for the demo, tests and benchmarks."""
