"""The demonstration: the main job, step by step, on a sample tool, with real git in a temporary folder."""
