"""Worker processes: they step copies into shared memory, and can be lost without loss."""
