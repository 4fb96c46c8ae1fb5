"""What is deployed, rendered from one source in KCL, and what brings it there."""
