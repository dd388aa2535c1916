import AudioPrint
import Foundation

/// Compares a recorded output with what went in and with what STS answered.
package struct OutputAnalysis: Sendable {
  var stream: String
  var fixture: Fixture
  var budget: TimeBudget
  var tolerances = Tolerances.standard
  /// Whether the worker sends what does not fill a fragment; nil: that is seen.
  var tail: FixtureCoverage.Tail?
  /// What the worker does to the picture; nil: that is seen.
  var picture: VideoMatch.Treatment?
  /// What was published, where that is more than the fixture.
  package var published: (media: MediaFile, padding: FixturePadding)?
  /// What the worker sent and got.
  var events: StreamEvents
  /// What STS itself said: the dubbed audio that the output is to be made of.
  var spoken: StreamEvents

  package init(
    stream: String, fixture: Fixture, budget: TimeBudget, tolerances: Tolerances = .standard,
    tail: FixtureCoverage.Tail? = nil, picture: VideoMatch.Treatment? = nil,
    published: (media: MediaFile, padding: FixturePadding)? = nil, events: StreamEvents, spoken: StreamEvents
  ) {
    self.stream = stream
    self.fixture = fixture
    self.budget = budget
    self.tolerances = tolerances
    self.tail = tail
    self.picture = picture
    self.published = published
    self.events = events
    self.spoken = spoken
  }

  /// Reads of a fixture what its stream will be compared with, while that still runs. What cannot be read is said by the verdict.
  static func readAhead(_ fixture: Fixture) async {
    guard fixture.canBeDubbed else { return }
    let media = await FixtureAnalysis.shared.media(of: fixture)
    _ = try? await media.soundOffset()
    _ = try? await media.original()
    await StreamSound.readAhead(fixture)
  }

  /// Gathers the evidence; without a recording it is that of a stream with no output.
  ///
  /// - Throws: ``DubbingError`` and `AudioError` when fixture or recording cannot be read.
  package func evidence(of recording: MediaFile?, problem: String?) async throws -> StreamEvidence {
    // Two programs that can read it side by side, each waited for where it is needed.
    async let early: Void? = recording?.readAhead()
    var evidence = StreamEvidence(
      stream: stream, fixture: fixture, budget: budget, tolerances: tolerances, events: events,
      output: try await recording?.info(), outputProblem: problem, video: VideoMatch(), windows: [])
    (evidence.tail, evidence.picture, evidence.padding) = (tail, picture, published?.padding)
    guard fixture.canBeDubbed else { return evidence }
    let media = await FixtureAnalysis.shared.media(of: fixture)
    let original = try await media.original()
    let sounds = try await StreamSounds(events, spoken: spoken)
    evidence.soundProblems = sounds.problems
    let placed = FragmentPlacement(fixture: fixture, original: original, segment: budget.segment.seconds)
      .place(events.fragments, sounds)
    evidence.coverage = FixtureCoverage(
      placed.filter(\.isSent).map { Duration.seconds($0.start)..<Duration.seconds(max($0.start, $0.end)) },
      of: Duration.seconds(max(0, try await media.soundOffset()))..<Duration.seconds(fixture.duration))
    evidence.outside = Set(events.fragments.map(\.sequence)).subtracting(placed.map(\.sequence))
    evidence.missedStart = placed.first(where: \.isFound).map { .seconds(max(0, $0.start)) }
    evidence.originalLevels = Dictionary(uniqueKeysWithValues: placed.map { ($0.sequence, $0.level) })
    guard let recording else { return evidence }
    evidence.video = try await VideoMatch.of(published?.media ?? media, in: recording)
    // Against the fixture, which begins when its lead is over.
    if let padding = published?.padding { evidence.video.lag = evidence.video.lag.map { $0 + padding.lead } }
    evidence.windows = OutputWindows(
      output: try await recording.sound(), original: original, placed: placed, videoLag: evidence.video.lag?.seconds
    ).windows()
    let (left, right) = try await recording.channels()
    evidence.continuity = try DubContinuity(
      left: left, right: right, windows: evidence.windows, placed: placed, videoLag: evidence.video.lag?.seconds ?? 0)
    await early
    return evidence
  }
}

extension AudioClip {
  /// The PCM of an event.
  init(_ audio: FragmentAudio) throws {
    try self.init(pcm16: [UInt8](audio.data), sampleRate: audio.sampleRateHz, channels: audio.channels)
  }
}
