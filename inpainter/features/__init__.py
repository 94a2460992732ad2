"""Trained networks whose features tell how real or how alike faces look."""
