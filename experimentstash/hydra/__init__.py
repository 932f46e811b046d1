"""All knowledge of Hydra: its command lines, and what runs inside a tool's process."""
