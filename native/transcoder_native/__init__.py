"""This package holds the compiled kernels of the pixel path, and the NumPy twins that define them.

``runtime`` configures Numba and compiles; ``kernels`` holds the compiled functions and ``reference`` the NumPy
functions that they must equal bit for bit; ``registry`` pairs the two for tests and benchmarks. Importing this package
imports none of these modules: the service process knows the package's name and pays nothing for Numba.
"""
