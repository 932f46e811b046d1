"""What every room needs: errors, names, files, processes, YAML."""
