"""What ExperimentStash does inside a tool's own process.

This directory's parent stands on the tool's PYTHONPATH while it runs, and nothing is installed beside the
tool. So: no import from `experimentstash`, whose dependencies the tool's environment lacks, and syntax
that Python 3.8 reads.

selecting       what Hydra was told and what its search path holds: how an experiment is chosen
sources         the directories behind Hydra's sources of configs
header          the header of a snapshot file: one reader for all
order           what the parent process wants, and the answer to it
loaded          which modules and configs the process loaded
copies          several experiments in one start of the program
note            the Hydra callback that notes in a run directory how a run differs from what was frozen
capture         the Hydra callback that takes the composed config and leaves
imported        what a run imported, written down when it ends
answers         what HydraConfig tells a program and no override can give back: the `ANSWER` lines
frozen_load     how a replay loads the frozen config, whatever the program hands to Hydra
unchanged       whether the config that a task is about to be given is the frozen one
launchers       the launcher belongs to the machine: another one where the recorded one cannot be had
composing       programs that use the compose API: the experiment is chosen where Hydra loads it
intercept       programs that Hydra's command line does not reach
sweeping        the jobs of a sweep, one by one
apart           a sweep whose jobs are frozen each in a file of its own
freezing        walks a config, resolves every value, and makes the facts for a snapshot file
interpolations  which frozen values follow others: the `BUILT` and `FIXED` lines, tried before they are written
comparing       a frozen config read back, and compared with the one that was taken
rereading       values that are others when they are read again
lateness        decides which values are late, by what the user says and where they come from
exposure        which values and keys show a secret or this machine by their text
visits          what the walk that freezes a config finds
machine         what belongs to a machine: its directories, its user, its name
secrets         the secrets of an environment, by the names of variables, in all their forms
tokens          what looks like a secret by its text alone
tracing         where a value came from: resolvers that ran, nodes that were read
settings        Hydra's own settings that are frozen
overridetext    values as Hydra overrides
keytexts        header lines that give a key an interpolation: `LATE`, `BUILT`, and their `_AT`
addresses       the path of a value as an override, an interpolation and a header line write it
kinds           what OmegaConf knows of a node beyond its value: the `TYPE` lines
typenames       types as one line of text, and back
following       what a value that is built from others is, and whether it is so here
replaying       from a snapshot file back to the config, types too
"""
