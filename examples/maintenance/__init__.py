"""Programs for who maintains unmask: comparisons, site, container, pictures."""
