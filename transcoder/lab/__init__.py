"""The laboratory holds simulated cameras, readers, the demo and the benchmark. The product never imports it."""
