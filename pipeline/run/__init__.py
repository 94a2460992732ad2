"""Processing folders of pictures: finding, resuming, writing, reporting."""
