"""Tasks: what is learnt. Each file turns data into batches and batches into losses, for the one loop."""
