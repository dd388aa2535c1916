import DubbingTesting
import Foundation
import Testing

/// Pipelines as others build them, made with ffmpeg: their own cuts, formats and pictures.
@Suite("Streams that nobody here cut", .kind(.computing))
struct ForeignStreamTests {
  typealias Checks = Set<DubbingVerdict.Check.Name>

  static let reencoded = ["-c:v", "libx264", "-preset", "ultrafast", "-vf", "fps=25"]

  private func verdict(_ stream: MadeStream, tolerances: Tolerances = .standard) async throws -> DubbingVerdict {
    let made = try await stream.make()
    defer { made.remove() }
    return try await verdict(stream, made, tolerances: tolerances)
  }

  private func verdict(
    _ stream: MadeStream, _ made: MadeStream.Made, tolerances: Tolerances = .standard
  ) async throws -> DubbingVerdict {
    let analysis = OutputAnalysis(
      stream: "s", fixture: stream.fixture, budget: .standard, tolerances: tolerances, events: made.events,
      spoken: made.events)
    return DubbingVerdict(try await analysis.evidence(of: MediaFile(made.recording.path), problem: nil))
  }

  private func foreign(_ fixture: String = "counting", joined: Double) throws -> MadeStream {
    var stream = MadeStream(fixture: try Fixture.named(fixture))
    (stream.segment, stream.joined, stream.dropsTail) = (6.016, joined, true)
    stream.coded = ("m4a", ["-c:a", "aac", "-b:a", "64k", "-f", "adts"])
    stream.picture = Self.reencoded
    return stream
  }

  @Test("A fragment is found where it was cut, however late the worker joined", arguments: [0.0, 0.2, 2.0])
  func lateJoin(joined: Double) async throws {
    var tolerances = Tolerances.standard
    tolerances.missedStart = .milliseconds(2500)
    let verdict = try await verdict(try foreign(joined: joined), tolerances: tolerances)
    #expect(verdict.outcome == .dubbed)
    let places = verdict.fragments.compactMap { $0.place?.fixtureStart.seconds }
    #expect(places.count == verdict.fragments.count && places.count >= 4)
    for (index, place) in places.enumerated() {
      // An AAC frame at 16 kHz lasts 64 ms: the encoder's first one lies before the sound.
      #expect(abs(place - joined - Double(index) * 6.016) < 0.07, "fragment \(index) at \(place)")
    }
    #expect(verdict[.fragmentsSent]?.passed == true, "\(verdict.checks)")
    #expect(verdict[.duration]?.passed == true, "\(verdict.checks)")
    #expect(verdict[.identity]?.passed == true, "\(verdict.checks)")
  }

  @Test("Without a tolerance for it a late join is red, in seconds")
  func lateJoinIsSaid() async throws {
    let verdict = try await verdict(try foreign(joined: 2))
    #expect(Set(verdict.failedChecks.map(\.name)).isSuperset(of: [.fragmentsSent, .duration]))
    let detail = try #require(verdict[.fragmentsSent]).detail
    #expect(detail.contains("the first 1.9") || detail.contains("the first 2.0"), "\(detail)")
  }

  @Test("Each window is told for what it is, wherever the worker joined")
  func contents() async throws {
    var stream = try foreign(joined: 0.2)
    stream.sounds = [1: .original, 2: .silence]
    let verdict = try await verdict(stream)
    #expect(verdict.fragments.map(\.attributedTo) == [.dubbed(0), .original, .silent, .dubbed(3)])
    #expect(verdict.outcome == .mixed)
  }

  @Test("An untouched passthrough is one")
  func passthrough() async throws {
    var stream = try foreign(joined: 0.2)
    stream.sounds = [0: .original, 1: .original, 2: .original, 3: .original]
    #expect(try await verdict(stream).outcome == .passthrough)
  }

  @Test("Dubs that were swapped are in the wrong place, not late")
  func swapped() async throws {
    var stream = try foreign(joined: 0.2)
    stream.sounds = [1: .dubOf(2), 2: .dubOf(1)]
    let verdict = try await verdict(stream)
    #expect(verdict.fragments.map(\.attributedTo) == [.dubbed(0), .dubbed(2), .dubbed(1), .dubbed(3)])
    #expect(verdict.outcome == .failed)
    #expect(verdict[.identity]?.passed == false)
  }

  @Test("A dub that is seconds late is known all the same, and late", arguments: [0.25, 2.4, 4.0])
  func late(seconds: Double) async throws {
    var stream = MadeStream(fixture: try Fixture.named("counting-short"))
    stream.soundDelay = seconds
    let verdict = try await verdict(stream)
    #expect(verdict.outcome == .dubbed)
    for fragment in verdict.fragments {
      #expect(abs(try #require(fragment.avDelta).seconds - seconds) < 0.02, "fragment \(fragment.sequence)")
    }
    #expect(verdict[.avSync]?.passed == false && verdict[.identity]?.passed == true)
  }

  @Test(
    "Any sound is decoded by its content",
    arguments: [
      ("m4a", ["-c:a", "aac", "-f", "mp4"]), ("aac", ["-c:a", "aac", "-f", "adts"]),
      ("opus", ["-c:a", "libopus", "-ar", "48000", "-f", "ogg"]), ("wav", ["-f", "wav"]), ("flac", ["-f", "flac"]),
    ])
  func formats(format: String, options: [String]) async throws {
    var stream = MadeStream(fixture: try Fixture.named("counting-short"))
    stream.coded = (format, options)
    let made = try await stream.make()
    defer { made.remove() }
    let sounds = try await StreamSounds(made.events, spoken: made.events)
    #expect(sounds.problems == [])
    #expect(Set(sounds.dubs.keys) == [0, 1] && Set(sounds.fragments.keys) == [0, 1])
    let verdict = try await verdict(stream, made)
    #expect(verdict.fragments.map(\.attributedTo) == [.dubbed(0), .dubbed(1)])
    #expect(verdict.failedChecks.filter { $0.name != .contract } == [])
  }

  @Test("What is declared and what is sent are held against each other")
  func declarations() async throws {
    var stream = MadeStream(fixture: try Fixture.named("counting-short"))
    stream.coded = ("pcm_s16le", ["-f", "wav"])
    var made = try await stream.make()
    defer { made.remove() }
    made.events.openings = [
      StreamInit(
        streamID: "s", workerID: "w", config: .init(sourceLanguage: "en", targetLanguage: "es", format: "opus"))
    ]
    made.events.fragments[1].answers[0].processed.dubbedAudio?.data = Data("no sound at all".utf8)
    made.events.fragments[1].answers[0].processed.dubbedAudio?.format = "m4a"
    let problems = try await StreamSounds(made.events, spoken: made.events).problems.joined(separator: "\n")
    for words in [
      "the bytes are a WAV file", "fragment 0 is pcm_s16le, stream:init said opus",
      "dubbed_audio of fragment 1: 15 bytes declared m4a cannot be decoded",
    ] { #expect(problems.contains(words), "\(problems)") }
  }

  @Test("What is laid around a fixture is silence and its own first and last picture; untouched is what was published")
  func padded() async throws {
    let (fixture, folder) = (
      try Fixture.named("counting-awb"), FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    )
    defer { try? FileManager.default.removeItem(at: folder) }
    let padding = FixturePadding(lead: .seconds(2), tail: .seconds(3))
    let published = await FixtureAnalysis.shared.media(of: try await fixture.padded(by: padding, in: folder))
    var analysis = OutputAnalysis(
      stream: "s", fixture: fixture, budget: .standard, events: StreamEvents(), spoken: StreamEvents())
    analysis.published = (published, padding)
    let evidence = try await analysis.evidence(of: MediaFile(published.path), problem: nil)
    #expect(abs(try #require(evidence.output).duration - 17) < 0.1)
    #expect(evidence.video.treatment == .untouched && evidence.video.matched == evidence.video.inputCount)
    #expect(evidence.video.lag == .seconds(2))
    let sound = try await published.sound()
    let level = { (from: Double, to: Double) in sound.slice(from: from, to: to).samples.map(abs).max() ?? 0 }
    #expect(level(0, 1.9) < 0.01 && level(2, 14) > 0.1 && level(14.2, 17) < 0.01)
  }
}
