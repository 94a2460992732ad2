"""Programs for unmask's maintainers: comparisons, site, pictures."""
