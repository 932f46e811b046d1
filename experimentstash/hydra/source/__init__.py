"""What a tool's source says about Hydra, read as text: nothing of a tool is imported or run."""
