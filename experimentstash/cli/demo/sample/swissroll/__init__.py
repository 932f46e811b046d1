"""Flattens curled-up surfaces, and says how well that went."""
