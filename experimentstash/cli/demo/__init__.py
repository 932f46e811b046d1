"""The demo: the workflow, step by step, on a sample tool, with real git in a temporary directory."""
