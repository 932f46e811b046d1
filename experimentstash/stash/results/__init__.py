"""What an experiment wrote: recorded in a manifest, compared with a later run, reported.

markdown          the report on results as Markdown
compare           two runs compared: by bytes first, then by values
collect           writes a manifest of a run directory
comparison_report the result of a comparison, and its text
stray_files       finds files that a tool wrote outside of its run directory
tolerance         how far values lie from the recorded ones
pairing           which recorded file is which new one
run_ids           clocks, ids and machines in the names of files
rule_parser       parses `results:` of the registry, and the equivalent options
comparison_rules  ignored files and tolerances
manifest_parser   a results manifest out of hostile bytes
readers           which files are read for their values, and by whom
json_files        the values of JSON files by dotted path
csv_files         the columns of CSV files
npz               archives of arrays
npy               arrays of numpy, read without numpy
summary           many values made into few: samples, moments, digests
manifest          the results manifest: files, values, and its text
"""
