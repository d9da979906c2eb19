"""The commands, in groups; `landbridge.cli` puts them on the command line."""
