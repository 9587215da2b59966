"""What real cameras do wrong, one switch for each defect.

Each module holds a dataclass of switches, a part of `CameraBehaviour`, beside the code that carries them out. Switches
are off by default and changed by name, whatever part they are in: `behaviour.override(behaviour, ["fu_empty=true"])`.
"""
