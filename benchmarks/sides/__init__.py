"""The sides of `benchmarks.engine`: each does the same work, a task of three durable model steps, in a closed loop."""
