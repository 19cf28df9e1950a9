"""Times of the kernels from commit to commit, by airspeed velocity: `asv continuous main~5 main`."""
