"""What an experiment wrote: recorded beside its snapshot, and compared with what a later run wrote."""
