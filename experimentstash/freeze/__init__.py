"""Freezing: experiments composed, redacted, written, committed and tagged."""
