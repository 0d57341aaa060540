"""The report of evaluations: one page that opens anywhere."""
