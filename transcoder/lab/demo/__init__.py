"""The demo runs simulated legacy cameras, the gateway and an independent reader in one command and gives a verdict."""

from transcoder.lab.demo.options import DemoOptions
from transcoder.lab.demo.run import run_demo

__all__ = ["DemoOptions", "run_demo"]
