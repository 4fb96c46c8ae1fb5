"""What the coordinator knows of its workspace, and the rules by which it assigns tasks."""
