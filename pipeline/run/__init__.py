"""Working through folders of pictures: finding, resuming, writing, reporting."""
