"""What a tool runs in: the lock that says it, the environment built from one, and the record of what was there.

supplying         the packages of a lock gathered as files, for a machine without a network
building          environments from locks, each built once for all that have the same lock, Python and platform
plans             how each kind of lock is built: the steps, and what decides the outcome
own               the code of one checkout over an environment that many share
tag_versions      versions that a build takes from git's tags, told to it as they were recorded
hosts             the hosts that a build may ask, told before it begins
helpers           uv and poetry, fetched into the cache where a lock needs them
order             what is asked of a builder, and how one step of it is run and told
failures          what an installer said: which package it is, and what can be done
whole             a folder of the cache that is whole or not there, and the cache's place
comparing         how the environment at hand differs from the recorded one
fitness           why a lock cannot run its tool
remedies          what a user can do then, as commands
committed         what git has of a lock
header            the header lines that say what a snapshot ran in
recording         a lock of what was installed, for a tool that ships none
own_needs         packages that only ExperimentStash asks for
pythons           the Python that an environment is made of
finding           which lock a tool ships, and the one that a snapshot names
conda             conda's files
requirements      requirements files: what they ask for, and what is refused
tables            the packages of a TOML lock
user_settings     what the user's files and variables may say to them
installers        uv, or pip and venv, and the environment they are given
installed         what an interpreter is and what is installed for it
inside/installed  the same, told by the interpreter itself: it runs in the tool's Python
inside/building   what the build of a source tree asks for, told by its backend: it runs there, too
"""
