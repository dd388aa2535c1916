import AudioPrint
import Foundation

/// Compares a recorded output with what went in and with what STS answered.
struct OutputAnalysis: Sendable {
  var stream: String
  var fixture: Fixture
  var budget: TimeBudget
  /// What the worker sent and got.
  var events: StreamEvents
  /// What STS itself said: the dubbed audio that the output is to be made of.
  var spoken: StreamEvents

  /// Gathers the evidence; without a recording it is that of a stream with no output.
  func evidence(of recording: MediaFile?, problem: String?) async throws -> StreamEvidence {
    guard let recording, fixture.canBeDubbed else {
      let output = try await recording?.info()
      return StreamEvidence(
        stream: stream, fixture: fixture, budget: budget, events: events, output: output, outputProblem: problem,
        video: VideoMatch(), windows: [])
    }
    let info = try await recording.info()
    let media = await FixtureAnalysis.shared.media(of: fixture)
    let video = VideoMatch(input: try await media.pictures(), output: try await recording.pictures())
    let original = try await media.original()
    let output = try await recording.sound()
    let placed = try place(in: original)
    // Without a picture the start of the output is the only reference there is.
    let videoLag = video.lag ?? 0
    var evidence = StreamEvidence(
      stream: stream, fixture: fixture, budget: budget, events: events, output: info, outputProblem: nil, video: video,
      windows: try windows(of: output, original: original, placed: placed, videoLag: videoLag),
      originalLevels: Dictionary(uniqueKeysWithValues: placed.map { ($0.sequence, $0.level) }))
    evidence.missedStart = placed.first { $0.isFound }.flatMap { $0.sequence == 0 ? max(0, $0.start) : nil }
    return evidence
  }

  /// A fragment with its place in the fixture.
  private struct PlacedFragment {
    var sequence: Int
    /// Seconds on the fixture's timeline.
    var start: Double
    var duration: Double
    /// dBFS (RMS) of the original.
    var level: Double
    var dubbed: AudioClip?
    /// Whether its sound was recognised there.
    var isFound = false
  }

  /// Finds where in the fixture each fragment was cut, by its sound.
  ///
  /// The worker cuts on the timestamps of the stream that reached it; containers and protocols shift those by a codec frame or
  /// two, so the fixture's own grid is only the first guess, and all there is for a fragment without sound.
  private func place(in original: Attributor) throws -> [PlacedFragment] {
    let sent = try events.fragments.map { try place($0, in: original) }
    // What was never sent is in the output all the same, and has to be something.
    let unsent = Set(0..<fixture.fragmentCount(segment: budget.segment)).subtracting(sent.map(\.sequence))
    return (sent + unsent.map(nominal)).sorted { $0.sequence < $1.sequence }
  }

  private func place(_ fragment: StreamEvents.Fragment, in original: Attributor) throws -> PlacedFragment {
    var placed = nominal(fragment.sequence)
    placed.dubbed = try dubbed(fragment.sequence)
    guard fragment.data.audio.isPCM, fragment.data.audio.problems.isEmpty else { return placed }
    let cut = try AudioClip(fragment.data.audio)
    placed.duration = cut.duration
    let clip = original.candidates[0].clip
    let attributor = Attributor(
      candidates: [Candidate(role: .original, clip: clip, expectedStart: -placed.start)], reusing: original)
    guard let found = attributor.attribute(cut, windows: [(start: 0, end: cut.duration)]).first else { return placed }
    placed.level = found.level
    placed.isFound = found.attribution == .passthrough
    if placed.isFound { placed.start -= found.lagSeconds }
    return placed
  }

  /// Where the fixture's own grid has the fragment.
  private func nominal(_ sequence: Int) -> PlacedFragment {
    let start = Double(sequence) * budget.segment.seconds
    return PlacedFragment(
      sequence: sequence, start: start, duration: min(budget.segment.seconds, fixture.duration - start),
      level: -.infinity)
  }

  private func dubbed(_ sequence: Int) throws -> AudioClip? {
    let answer = spoken.fragments.first { $0.sequence == sequence }?.firstAnswer
    guard let audio = answer?.dubbedAudio, audio.isPCM, audio.problems.isEmpty else { return nil }
    return try AudioClip(audio)
  }

  private func windows(
    of output: AudioClip, original: Attributor, placed: [PlacedFragment], videoLag: Double
  ) throws -> [StreamEvidence.Window] {
    var candidates = [Candidate(role: .original, clip: original.candidates[0].clip, expectedStart: videoLag)]
    for fragment in placed {
      guard let dubbed = fragment.dubbed else { continue }
      candidates.append(
        Candidate(
          role: .dubbed(fragment.sequence), clip: dubbed,
          expectedStart: fragment.start + videoLag))
    }
    let attributor = Attributor(candidates: candidates, reusing: original)
    let inside = placed.filter { $0.start + videoLag + 0.2 < output.duration }
    let spans = inside.map { fragment in
      let start = max(0, fragment.start + videoLag)
      return (start: start, end: min(fragment.start + videoLag + fragment.duration, output.duration))
    }
    return zip(inside, attributor.attribute(output, windows: spans)).map { fragment, window in
      StreamEvidence.Window(
        sequence: fragment.sequence, content: .init(window.attribution), coherence: window.coherence,
        originalCoherence: window.originalCoherence, lag: window.lagSeconds, level: window.level)
    }
  }
}

extension StreamEvidence.Window.Content {
  fileprivate init(_ attribution: SegmentClass) {
    switch attribution {
    case .passthrough: self = .original
    case .dubbed(let sequence): self = .dubbed(sequence)
    case .mixed: self = .mixed
    case .silent: self = .silent
    case .unknown: self = .unknown
    }
  }
}

extension AudioClip {
  /// The PCM of an event.
  init(_ audio: FragmentAudio) throws {
    try self.init(pcm16: [UInt8](audio.data), sampleRate: audio.sampleRateHz, channels: audio.channels)
  }
}
