"""The task queue through NATS JetStream. No other room imports `nats`."""
