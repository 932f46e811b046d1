"""Native git hooks: put in place beside what is there, taken away again, and looked after."""
