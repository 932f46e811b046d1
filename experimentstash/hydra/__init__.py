"""The one room that knows Hydra: its command lines, and what runs inside a tool's process."""
