"""What ExperimentStash does inside a tool's own process.

This folder's parent stands on the tool's PYTHONPATH while it runs, and nothing is installed beside the
tool. So: no import from `experimentstash`, whose dependencies the tool's environment lacks, and syntax
that Python 3.8 reads.
"""
