"""The tools' checkouts: their differences from their commits, their pins, and whether a run used only committed code.

checked_out    whether a tool is checked out, and the command that checks it out
tool_commit    the commit that a tool is checked out at, and the refusal of one that differs from it
changes        differences between a checkout and its commit, including those hidden from `git status`
pins           how the pin of a tool moves with a freeze
outward_links  links that lead out of the stash, told when their tool is frozen
restore        a checkout put back as it was before a run
stray_results  results that a tool writes beside its run directory, brought into it
"""
