"""The environments of tools: finds and reads locks, builds environments from them, and records what is installed.

cache_contents             lists and removes the entries of the cache
checkout_environment       builds `.venv` of a tool in its own checkout
wheelhouse                 collects the packages of a lock as files, for a machine without a network
build                      builds environments from locks, one for each lock, Python and platform
overlay                    installs the code of one checkout on top of a shared environment
versions_from_tags         gives a build the recorded version, instead of one from git's tags
hosts                      the hosts that a build may contact, listed before it begins
build_tools                installs uv and poetry into the cache if a lock needs them
build_request              the input of a build, and how its steps are run and reported
build_errors               finds the failed package and a fix in an installer's output
environment_cache          creates a cached environment completely or not at all
differences                compares the current environment with the recorded one
unusable_lock              why a lock cannot be used to run its tool
lock_fixes                 the command that makes a freeze record the installed packages instead
committed_files            reads a lock from git
header_lines               the header lines that record a snapshot's environment
recorded_lock              writes a lock of the installed packages, for a tool without one
own_packages               packages that only ExperimentStash requires
interpreters               finds the Python for an environment
lock_file                  finds the lock of a tool, and the lock that a snapshot names
formats/base               the interface of the lock formats: what a lock contains, and how to build it
formats/uv                 `uv.lock`
formats/pylock             `pylock.toml`
formats/poetry             `poetry.lock`
formats/requirements       requirements files as locks
formats/recorded           the requirements file that a freeze writes
formats/conda              `environment.yml`, and the files of conda-lock
formats/toml_lock          the common parts of the TOML locks
formats/requirements_file  parses requirements files, and refuses unsafe lines
tool_python                chooses the interpreter of a tool
user_settings              the settings of the user that installers may use
installers                 runs uv, or pip and venv, and their environment variables
packages                   describes an interpreter and its installed packages
inside/installed           lists the installed packages; runs in the tool's Python
inside/building            asks a build backend for its requirements; runs in the tool's Python
"""
