"""The demo: simulated legacy cameras, the gateway, an independent reader and a verdict, in one command."""

from transcoder.service.demo.options import DemoOptions
from transcoder.service.demo.run import run_demo

__all__ = ["DemoOptions", "run_demo"]
