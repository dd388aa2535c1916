/// Why audio could not be read or compared: what was tried, what happened, what to do next.
public struct AudioError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A kind of failure that a caller may want to tell apart. A later version may know more of them.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// As it is printed.
    public let description: String

    private init(_ description: String) { self.description = description }

    /// The file does not exist or may not be read.
    public static let fileMissing = Code("fileMissing")
    /// The file is there, but ffmpeg finds no media in it.
    public static let notMedia = Code("notMedia")
    /// The media has no audio track, or not the track that was asked for.
    public static let noAudioTrack = Code("noAudioTrack")
    /// The media ends in the middle of what its container promises, or packets in it are damaged.
    public static let truncated = Code("truncated")
    /// The track is there, but it holds no sample in the span that was asked for.
    public static let noSamples = Code("noSamples")
    /// There is less sound than can be told from other sound.
    public static let tooShort = Code("tooShort")
    /// ffmpeg or ffprobe is not on the PATH.
    public static let toolMissing = Code("toolMissing")
    /// ffmpeg failed in a way that is none of the above; its own words are in the evidence.
    public static let decodingFailed = Code("decodingFailed")
    /// The samples hold NaN or infinity.
    public static let notFinite = Code("notFinite")
    /// A rate, channel count, byte count or time is outside what can be handled.
    public static let badFormat = Code("badFormat")
  }

  /// What kind of failure this is.
  public var code: Code
  /// One sentence: what was tried and what happened.
  public var summary: String
  /// What the tool said, line by line, or the figures that led to the error.
  public var evidence: [String]
  /// What to do next, if anything is known to help.
  public var next: String?
  /// The error of another module that led to this one, if one did. Two errors that differ in it alone count as equal.
  public var underlying: (any Error)?

  /// An error with its evidence.
  package init(
    _ code: Code, _ summary: String, evidence: [String] = [], next: String? = nil, underlying: (any Error)? = nil
  ) {
    self.underlying = underlying
    self.code = code
    self.summary = summary
    self.evidence = evidence
    self.next = next
  }

  public static func == (one: AudioError, other: AudioError) -> Bool {
    one.code == other.code && one.summary == other.summary && one.evidence == other.evidence && one.next == other.next
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(code)
    hasher.combine(summary)
    hasher.combine(evidence)
    hasher.combine(next)
  }

  /// For sound that is shorter than ``Similarity/shortest``.
  package static func tooShort(_ name: String, seconds: Double) -> AudioError {
    let length = seconds == seconds.rounded() ? "\(Int(seconds))" : "\((seconds * 1000).rounded() / 1000)"
    return AudioError(
      .tooShort,
      "\(name) is \(length) s long: below \(Thresholds.shortestClip) s one sound cannot be told from another",
      next: "give at least \(Thresholds.shortestClip) s, better 2 s; does the file hold what it should?")
  }

  public var description: String {
    var lines = [summary]
    for (index, line) in evidence.enumerated() {
      lines.append((index == 0 ? "  evidence  " : "            ") + line)
    }
    if let next { lines.append("  next      " + next) }
    return lines.joined(separator: "\n")
  }
}
