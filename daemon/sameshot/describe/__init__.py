"""Stage 4: pixels become the small packed descriptors that measures and the quality score keep of a photo."""
