"""Pretrained networks whose features measure the realism and similarity of faces."""
