"""This room makes simulated cameras do wrong as real ones do, with one switch for each defect.

Each module holds a dataclass of switches, a part of `CameraBehaviour`, beside the code that carries them out. Switches
are off by default; a caller changes them by name, in any part: `behaviour.override(behaviour, ["fu_empty=true"])`.
"""
