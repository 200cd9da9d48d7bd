"""The preview's upscalers. `plan` says which stages a tier has, `upscaler` turns a plan into GPU resources
and dispatches, `look` packs what the shaders must know, `benchmark` times the real thing.

Every tier is: ingest (crop, RGB -> Y) -> stages that make luma of twice the size -> compose (colours,
sharpening, the split). A net is more stages in the middle; nothing else changes.
"""
