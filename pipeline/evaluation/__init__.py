"""Measuring whole pipelines, and reports of every measurement: tables, plots, sheets, one page."""
