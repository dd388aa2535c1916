"""Live-dubbing worker: reads live/<stream>/in, has its audio dubbed by STS, publishes live/<stream>/out."""
