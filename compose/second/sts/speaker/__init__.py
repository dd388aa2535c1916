"""A speech service: answers each segment with Spanish that nobody said, in MP4, told to everybody who listens."""
