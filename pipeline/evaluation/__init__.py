"""Measures whole pipelines, and makes reports of every measurement: tables, plots, sheets, HTML."""
