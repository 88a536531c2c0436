"""Networks: one file a family (docs/inside.md). A family knows nothing of data, losses, files or servers."""
