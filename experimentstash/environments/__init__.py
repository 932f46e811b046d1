"""What a tool runs in: the lock that says it, the environment built from one, and the record of what was there.

wheelhouse                 the packages of a lock gathered as files, for a machine without a network
build                      environments from locks, each built once for all that have the same lock, Python and platform
overlay                    the code of one checkout over an environment that many share
versions_from_tags         versions that a build takes from git's tags, told to it as they were recorded
hosts                      the hosts that a build may ask, told before it begins
build_tools                uv and poetry, fetched into the cache where a lock needs them
build_request              what is asked of a builder, and how one step of it is run and told
build_errors               what an installer said: which package it is, and what can be done
cache                      a directory of the cache that is whole or not there, and the cache's place
differences                how the environment at hand differs from the recorded one
unusable_lock              why a lock cannot run its tool
lock_fixes                 the command with which a freeze records what is installed instead
committed_files            what git has of a lock
header_lines               the header lines that say what a snapshot ran in
recorded_lock              a lock of what was installed, for a tool that ships none
own_packages               packages that only ExperimentStash asks for
interpreters               the Python that an environment is made of
lock_file                  which lock a tool ships, and the one that a snapshot names
formats/base               the interface of the lock formats: what a lock says of itself, and how it is built
formats/uv                 `uv.lock`
formats/pylock             `pylock.toml`
formats/poetry             `poetry.lock`
formats/requirements       requirements files as locks
formats/recorded           the requirements file that freezing writes
formats/conda              `environment.yml`, and the files of conda-lock
formats/toml_lock          what the TOML locks have in common
formats/requirements_file  requirements files: what they ask for, and what is refused
user_settings              what the user's files and variables may say to them
installers                 uv, or pip and venv, and the environment they are given
packages                   what an interpreter is and what is installed for it
inside/installed           the same, told by the interpreter itself: it runs in the tool's Python
inside/building            what the build of a source tree asks for, told by its backend: it runs there, too
"""
