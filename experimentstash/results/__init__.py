"""What an experiment wrote: recorded in a manifest, compared with a later run, reported.

markdown     the report on results as Markdown
comparing    two runs compared: by bytes first, then by values
collecting   what lies in a run folder, as a manifest
report       what comparing gave, whether it holds, and how it is told
beside       what a tool wrote beside its run folder
closeness    how far values lie from the recorded ones
pairing      which recorded file is which new one
stamps       clocks, ids and machines in the names of files
rule_reader  `results:` of the registry, and the options that stand for it
rules        what is left out, and how far numbers may lie apart
parsing      a results manifest out of hostile bytes
contents     which files are read for their values, and by whom
jsonfiles    the values of JSON files by dotted path
tables       the columns of CSV files
npz          archives of arrays
npy          arrays of numpy, read without numpy
series       many values made into few: samples, moments, digests
manifest     the results manifest: files, values, and its text
"""
