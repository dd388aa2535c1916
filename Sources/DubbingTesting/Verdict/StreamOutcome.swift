/// What became of a stream as a whole.
public enum StreamOutcome: String, Sendable, Hashable, Codable {
  /// Every fragment's window holds its own dubbed audio.
  case dubbed
  /// Every window holds the original.
  case passthrough
  /// Every window is silent.
  case silent
  /// Some windows hold one thing and some another, or two at once.
  case mixed
  /// Nothing was sent to STS and nothing was published, as the fixture expects.
  case refused
  /// There is no output, or some window holds what it must not.
  case failed
}
