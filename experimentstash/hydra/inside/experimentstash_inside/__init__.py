"""Code of ExperimentStash that runs inside a tool's own process.

This directory's parent is on the tool's PYTHONPATH while it runs, and nothing is installed in the tool's
environment. So: no import from `experimentstash`, whose dependencies the tool's environment lacks, and syntax
that Python 3.8 reads.

selecting       finds how an experiment is selected, from Hydra's arguments and search path
sources         the directories behind Hydra's sources of configs
header          parses the header of a snapshot file
order           the request of the parent process, and the answer
loaded          lists the modules and configs that the process loaded
copies          composes several experiments in one start of the program
note            the Hydra callback that records in a run directory how a run differs from the frozen one
capture         the Hydra callback that records the composed config and exits
imported        records the imports of a run when it ends
answers         values of HydraConfig that no override can restore: the `ANSWER` lines
frozen_load     makes a replay load the frozen config, whatever the program passes to Hydra
unchanged       checks that a task gets the frozen config
launchers       replaces a recorded launcher that is not available on this machine
composing       selects the experiment for programs that use the compose API
intercept       wraps Hydra's loading of configs
sweeping        lists the jobs of a sweep
apart           replays a sweep whose jobs are frozen in separate files
freezing        walks a config, resolves every value, and collects the data of a snapshot file
interpolations  which frozen values follow others: the `BUILT` and `FIXED` lines, tested before they are written
comparing       reads a frozen config back, and compares it with the composed one
rereading       finds values that differ when read again
lateness        decides which values are late, by the user's settings and their origin
exposure        finds values and keys whose text shows a secret or this machine
visits          the values found by the walk of a config
machine         recognizes data of this machine: its directories, user and name
secrets         the secrets in environment variables, in all their forms
tokens          recognizes secrets by their text alone
tracing         records the origin of a value: resolvers that ran, nodes that were read
settings        Hydra's own settings that are frozen
overridetext    values as Hydra overrides
keytexts        header lines that assign an interpolation to a key: `LATE`, `BUILT`, and their `_AT`
addresses       the path of a value in overrides, interpolations and header lines
kinds           the types of OmegaConf nodes: the `TYPE` lines
typenames       types as one line of text, and back
following       values that are built from others, and their check at a replay
replaying       rebuilds the config, with its types, from a snapshot file
"""
