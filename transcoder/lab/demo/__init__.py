"""The demo: simulated legacy cameras, the gateway, an independent reader and a verdict, in one command."""

from transcoder.lab.demo.options import DemoOptions
from transcoder.lab.demo.run import run_demo

__all__ = ["DemoOptions", "run_demo"]
