"""Attacks on the gateway that must come to nothing; each has a control that shows the attack without its measure."""
