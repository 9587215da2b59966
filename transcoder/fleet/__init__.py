"""A fleet is several gateways that share many cameras: what a stream costs, and which gateway has it."""
