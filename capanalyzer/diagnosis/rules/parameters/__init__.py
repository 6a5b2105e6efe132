"""Did both ends agree on versions, suites, groups and names."""
