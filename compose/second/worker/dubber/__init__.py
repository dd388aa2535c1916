"""A dubbing worker on GStreamer: reads a stream, has its sound dubbed fragment by fragment, publishes it with a re-encoded picture."""
