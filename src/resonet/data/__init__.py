"""From recordings and transcripts to batches: corpus readers, splits, the doctor, augmentation (extra `[train]`)."""
