"""The tools' checkouts: whether each is its commit, where its pin goes, and whether what ran came from it.

checked_out    whether a tool is checked out, and the command that checks it out
tool_commit    the commit that a tool is checked out at, and the refusal of one that differs from it
changes        what differs between a checkout and its commit, also where `git status` does not say
pins           how the pin of a tool moves with a freeze
outward_links  links that lead out of the stash, told when their tool is frozen
restore        a checkout put back as it was before a run
stray_results  results that a tool writes beside its run directory, brought into it
"""
