"""What all read models share: tables, stores, checkpoints, rebuilds and history."""
