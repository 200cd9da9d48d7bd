"""Upscaling nets: what each needs (`descriptor`), where its weights come from (`registry`), and its own
module."""
