extension Attributor {
  /// Attributes a recording while it is decoded, in memory that does not depend on its length, nor on that of the original.
  ///
  /// The results are those of ``attribute(_:windows:)`` or ``segments(_:)`` with the original expected at 0 and looked for within
  /// `options.wideSearchRange` of its place. Fragments are kept in memory as they are.
  ///
  /// Nothing is received before the recording and the original have been found to be there and long enough.
  ///
  /// - Parameters:
  ///   - recording: a file or URL that ffmpeg reads.
  ///   - track: index among the recording's audio tracks, from 0.
  ///   - original: the same for the original; it becomes candidate 0, and the fragments follow.
  ///   - originalTrack: index among the original's audio tracks, from 0.
  ///   - fragments: further candidates.
  ///   - window: seconds of each window, from ``Similarity/shortest`` on; nil divides the recording into segments.
  ///   - options: how far is searched, and what counts as explained.
  ///   - progress: told how many seconds have been decoded, at least once a minute of audio.
  ///   - receive: told each window or segment, in order of time.
  /// - Throws: ``AudioError`` if something cannot be decoded, or it or the window is too short; what the closures throw.
  public static func attribute(
    recording: String, track: Int = 0, original: String?, originalTrack: Int = 0, fragments: [Candidate] = [],
    window: Double? = nil, options: AttributionOptions = .init(), progress: (Double) throws -> Void = { _ in },
    receive: (WindowAttribution) throws -> Void
  ) async throws {
    if let window, !(window >= Thresholds.shortestClip) {
      throw AudioError(
        .badFormat,
        "windows of \(window) s are too short to be attributed: \(Thresholds.shortestClip) s is the least")
    }
    var stream = StreamAttribution(
      attributor: Attributor(candidates: fragments, options: options), hasOriginal: original != nil, window: window)
    let rate = Thresholds.sampleRate
    func pass(_ reader: inout SampleReader, original: inout SampleReader?) async throws {
      guard var piece = try await opening(&reader, of: recording) else { return }
      repeat {
        try stream.append(output: piece).forEach(receive)
        try progress(Double(reader.count) / Double(rate))
        try await feed(&stream, from: &original)
        guard let next = try await reader.next() else { break }
        piece = next
      } while true
      try stream.finish().forEach(receive)
    }
    // One is read inside of the other, so that neither runs ahead and needs memory.
    try await AudioDecoder.withReader(of: recording, sampleRate: rate, track: track) { reader in
      guard let path = original else {
        var none: SampleReader?
        return try await pass(&reader, original: &none)
      }
      try await AudioDecoder.withReader(of: path, sampleRate: rate, track: originalTrack) { other in
        guard let piece = try await opening(&other, of: path) else { return }
        stream.append(original: piece)
        var original: SampleReader? = other
        try await feed(&stream, from: &original)
        try await pass(&reader, original: &original)
        if let original { other = original }
      }
    }
  }

  /// The first pieces, as many as can be attributed; nil if there is none, of which the decoder knows why.
  private static func opening(_ reader: inout SampleReader, of path: String) async throws -> [Float]? {
    var samples: [Float] = []
    let least = Int(Thresholds.shortestClip * Double(Thresholds.sampleRate))
    while samples.count < least, let piece = try await reader.next() { samples += piece }
    guard samples.count < least else { return samples }
    guard samples.isEmpty else {
      throw AudioError.tooShort(path, seconds: Double(samples.count) / Double(Thresholds.sampleRate))
    }
    return nil
  }

  private static func feed(_ stream: inout StreamAttribution, from original: inout SampleReader?) async throws {
    while stream.wantsOriginal {
      guard let piece = try await original?.next() else { return stream.endOriginal() }
      stream.append(original: piece)
    }
  }
}

/// Attributes a recording that comes in pieces: blocks, each with as much around it as its verdicts need.
struct StreamAttribution {
  /// Seconds of a block of a decoded stream, of which the original's part is in memory too, and of an output that is in memory anyway.
  static let (block, longBlock) = (30.0, 120.0)
  /// Seconds that are known on both sides of a block.
  private static let margin = 12.0

  private let fragments: Attributor
  private let window: Double?
  private let options: AttributionOptions
  /// Seconds of a block: whole windows.
  private let length: Double
  private var output: SampleQueue
  private var original: SampleQueue?
  /// Seconds at which the next block begins.
  private var next = 0.0
  /// By how many seconds an output of another speed has become late against the original; less than 0: early.
  private var drift = 0.0
  private var joiner = SegmentJoiner()

  init(attributor: Attributor, hasOriginal: Bool, window: Double?, block: Double = Self.block) {
    fragments = attributor
    options = attributor.options
    self.window = window
    length = window.map { $0 * max(1, (block / $0).rounded(.down)) } ?? block
    let known = length + 2 * Self.margin + SampleQueue.piece
    output = SampleQueue(seconds: known)
    original = hasOriginal ? SampleQueue(seconds: known + 2 * options.wideSearchRange) : nil
  }

  /// Whether the next block needs more of the original.
  var wantsOriginal: Bool {
    guard let original, !original.isEnded else { return false }
    return original.end < next + length + Self.margin + options.wideSearchRange - drift
  }

  mutating func append(original piece: [Float]) { original?.append(piece) }
  mutating func endOriginal() { original?.isEnded = true }

  /// Takes a piece of the output, and gives what has become certain with it. The original must have been fed as far as it is wanted.
  mutating func append(output piece: [Float]) -> [WindowAttribution] {
    output.append(piece)
    guard output.end >= next + length + Self.margin else { return [] }
    return attributeBlock(until: next + length)
  }

  /// Takes the whole output at once.
  mutating func append(all samples: [Float]) -> [WindowAttribution] {
    var found: [WindowAttribution] = []
    for start in stride(from: 0, to: samples.count, by: 60 * Thresholds.sampleRate) {
      found += append(output: Array(samples[start..<min(samples.count, start + 60 * Thresholds.sampleRate)]))
    }
    return found + finish()
  }

  mutating func finish() -> [WindowAttribution] {
    (output.end > next ? attributeBlock(until: output.end) : []) + joiner.finish()
  }

  private mutating func attributeBlock(until end: Double) -> [WindowAttribution] {
    output.hold(after: end + Self.margin)
    original?.hold(after: end + Self.margin + options.wideSearchRange - drift)
    var found = attributed(from: next, to: end)
    follow(found)
    if window == nil { found = joiner.join(found, from: next, to: end) }
    next = end
    output.drop(before: end - Self.margin)
    original?.drop(before: end - Self.margin - options.wideSearchRange - max(0, drift))
    return found
  }

  /// An output at another speed runs away from the original: 1 % is 36 s in an hour.
  private mutating func follow(_ found: [WindowAttribution]) {
    guard original != nil, let last = found.last(where: { $0.candidateIndex == 0 }) else { return }
    drift = last.speedRatio == 1 ? 0 : last.lag(at: last.end)
  }

  /// The windows that begin in a block, or the segments of the block and of what is around it.
  ///
  /// The queues begin and end where the block needs it, so its clips share their memory; they are gone when this returns, and the queues
  /// may change again without being copied.
  private func attributed(from begin: Double, to end: Double) -> [WindowAttribution] {
    let (clip, from) = (output.clip, output.start)
    let attributor = attributor(from: from)
    guard let window else {
      let segments = Segmentation(attributor: attributor, output: Waveform(clip)).segments()
      return segments.map { onTimeline($0, from, attributor) }
    }
    // A remainder in which nothing could be told belongs to the window before it.
    let last = end >= output.end ? max(end - Thresholds.shortestWindow, begin + 0.01) : end
    let windows = stride(from: begin, to: last - 1e-9, by: window).map { start in
      let isLast = end >= output.end && start + window >= last - 1e-9
      return (start: start - from, end: isLast ? clip.duration : start + window - from)
    }
    return attributor.attribute(clip, windows: windows).map { onTimeline($0, from, attributor) }
  }

  /// A block's result on the output's own timeline.
  private func onTimeline(
    _ result: WindowAttribution, _ start: Double, _ attributor: Attributor
  ) -> WindowAttribution {
    var result = result
    result.start += start
    result.end += start
    if original != nil, result.candidateIndex == 0 { result.lagSeconds += drift }
    // A candidate that is expected nowhere has its lag from time 0 on.
    if let index = result.candidateIndex, attributor.candidates[index].expectedStart == nil {
      result.lagSeconds += start
    }
    return result
  }

  /// The candidates on a timeline that begins at `start`, with the part of the original that a block may be made of.
  private func attributor(from start: Double) -> Attributor {
    let shifted = fragments.shifted(by: -start)
    guard let original else { return shifted }
    return shifted.preceded(
      by: Candidate(role: .original, clip: original.clip, expectedStart: original.start - start + drift))
  }
}

/// Samples at the rate of the analysis with their place in a stream; those before a moment can be forgotten.
private struct SampleQueue {
  private var samples: [Float] = []
  private var first = 0
  private var held: [Float] = []
  var isEnded = false
  private static let rate = Double(Thresholds.sampleRate)
  /// Seconds that a decoder hands out at once, at most.
  static let piece = 10.0

  /// Room for what is known at once: growing by halves would take up to twice that.
  init(seconds: Double) { samples.reserveCapacity(Int((min(seconds, 3600) * Self.rate).rounded(.up))) }

  /// Seconds of the first sample that is still known, and of the end.
  var start: Double { Double(first) / Self.rate }
  var end: Double { Double(first + samples.count + held.count) / Self.rate }

  /// What is known, in the same memory.
  var clip: AudioClip { AudioClip(unchecked: samples, sampleRate: Thresholds.sampleRate) }

  mutating func append(_ piece: [Float]) { samples += piece }

  /// Holds back what lies behind a moment until the next ``drop(before:)``.
  mutating func hold(after time: Double) {
    let count = max(0, sample(time))
    guard count < samples.count else { return }
    held = Array(samples[count...])
    samples.removeLast(held.count)
  }

  mutating func drop(before time: Double) {
    let count = min(samples.count, sample(time))
    if count > 0 {
      samples.removeFirst(count)
      first += count
    }
    samples += held
    held = []
  }

  /// Index into the samples of a moment.
  private func sample(_ time: Double) -> Int { Int((time * Self.rate).rounded()) - first }
}

extension WindowAttribution {
  /// The lag at a moment: at another speed than the source's it grows.
  func lag(at time: Double) -> Double { lagSeconds + (1 - speedRatio) * (time - start) }
}

/// Joins the segments of neighbouring blocks, and of equal neighbours.
struct SegmentJoiner {
  private var pending: WindowAttribution?
  /// A remainder of this length, in seconds, at a block's end is an edge that the two blocks put differently.
  private static let sliver = 0.05

  /// Takes the segments between two moments; gives those that are complete.
  mutating func join(_ segments: [WindowAttribution], from: Double, to: Double) -> [WindowAttribution] {
    var complete: [WindowAttribution] = []
    for segment in segments where segment.end > from && segment.start < to {
      var part = segment
      (part.start, part.end) = (max(part.start, from), min(part.end, to))
      part.lagSeconds = segment.lag(at: part.start)
      complete += add(part)
    }
    return complete
  }

  mutating func finish() -> [WindowAttribution] {
    defer { pending = nil }
    return pending.map { [$0] } ?? []
  }

  /// Neighbours that turn out to be the same thing become one segment.
  private mutating func add(_ next: WindowAttribution) -> [WindowAttribution] {
    guard var last = pending else {
      pending = next
      return []
    }
    let isSame =
      last.attribution == next.attribution && last.candidateIndex == next.candidateIndex
      && abs(last.lag(at: next.start) - next.lagSeconds) < 0.02 && abs(last.speedRatio - next.speedRatio) < 0.001
    if isSame {
      // The longer one's figures stand for both.
      var joined = last.end - last.start >= next.end - next.start ? last : next
      (joined.start, joined.end) = (last.start, next.end)
      if last.speedRatio != 1 { (joined.lagSeconds, joined.speedRatio) = (last.lagSeconds, last.speedRatio) }
      pending = joined
    } else if next.end - next.start < Self.sliver {
      last.end = next.end
      pending = last
    } else {
      pending = next
      return [last]
    }
    return []
  }
}
