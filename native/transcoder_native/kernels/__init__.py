"""Compiled kernels, one module for each idea. Import them through ``runtime.warm`` or after ``runtime.configure``."""
