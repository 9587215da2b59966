"""Compiled kernels of the pixel path, and the NumPy twins that define them.

``runtime`` configures Numba and compiles, ``kernels`` holds what runs, ``reference`` holds what it must equal bit for
bit, ``registry`` pairs the two for tests and benchmarks. Importing this package imports none of them: the service
process knows its name and pays nothing for Numba.
"""
