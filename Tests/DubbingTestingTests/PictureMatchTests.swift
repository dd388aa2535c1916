import DubbingTesting
import Foundation
import Testing

@Suite("Pictures that were encoded anew", .kind(.computing))
struct PictureMatchTests {
  private static let x264 = ["-c:v", "libx264", "-preset", "ultrafast"]

  /// The output of a pipeline that did this to the picture, beside its fixture.
  ///
  /// - Parameter all: what is done for the other cases of a test, which one ffmpeg makes: it takes longer to start, and to decode what
  ///   goes in, than to make one of them.
  private func match(
    _ options: [String], among all: [[String]] = [], fixture name: String = "counting-awb"
  ) async throws -> VideoMatch {
    let fixture = try Fixture.named(name)
    let outputs = Outputs(fixture: fixture.media.path, options: all.isEmpty ? [options] : all)
    let made = try await Self.made(outputs) { try await outputs.make() }
    let file = FileManager.default.temporaryDirectory.appending(path: "picture-\(UUID().uuidString).flv")
    defer { try? FileManager.default.removeItem(at: file) }
    try made[#require(outputs.options.firstIndex(of: options))].write(to: file)
    return try await VideoMatch.of(FixtureAnalysis.shared.media(of: fixture), in: MediaFile(file.path))
  }

  private static let made = OnceEach<Outputs, [Data]>()

  private struct Outputs: Hashable {
    var fixture: String
    /// ffmpeg's, of each.
    var options: [[String]]

    func make() async throws -> [Data] {
      let folder = FileManager.default.temporaryDirectory.appending(path: "pictures-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let files = options.indices.map { folder.appending(path: "\($0).flv") }
      try await MediaTool.make(["-i", fixture] + zip(options, files).flatMap { $0 + [$1.path] })
      return try files.map { try Data(contentsOf: $0) }
    }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var options: [String]
    /// Milliseconds.
    var lag = 0.0
    /// Words of the reason for which it is not measurable.
    var reason: String?
  }

  // Other rates by the filter, which shows the nearest picture; -r 15 shows pictures 67 ms late, each for 67 ms.
  static let cases: [Case] = [
    .init(testDescription: "encoded anew", options: x264),
    .init(testDescription: "scaled to a quarter", options: x264 + ["-vf", "scale=160:90,fps=25"]),
    .init(testDescription: "scaled to another shape", options: x264 + ["-vf", "scale=214:160"]),
    .init(testDescription: "15 frames a second", options: x264 + ["-vf", "fps=15"]),
    .init(testDescription: "24 frames a second", options: x264 + ["-vf", "fps=24"]),
    .init(testDescription: "50 frames a second", options: x264 + ["-vf", "fps=50"]),
    .init(testDescription: "15 of its own pictures a second", options: x264 + ["-r", "15"], lag: 83),
    .init(testDescription: "letterbox", options: x264 + ["-vf", "pad=320:240:0:30"]),
    .init(testDescription: "pillarbox", options: x264 + ["-vf", "pad=426:180:53:0"]),
    .init(testDescription: "cut to 4:3", options: x264 + ["-vf", "crop=240:180"], reason: "repeats itself"),
    .init(testDescription: "a tenth cut off", options: x264 + ["-vf", "crop=288:162"], reason: "repeats itself"),
    .init(testDescription: "a fifth cut off", options: x264 + ["-vf", "crop=256:144"], reason: "% alike"),
    .init(testDescription: "a logo", options: x264 + ["-vf", "drawbox=250:10:50:30:white:fill"]),
    .init(testDescription: "few bits", options: x264 + ["-b:v", "40k"]),
    .init(testDescription: "next to no bits", options: x264 + ["-b:v", "15k", "-vf", "scale=160:90,fps=10"]),
    .init(testDescription: "brighter", options: x264 + ["-vf", "eq=brightness=0.1:contrast=0.8"]),
    .init(testDescription: "darker", options: x264 + ["-vf", "eq=brightness=-0.25:gamma=0.6"]),
    .init(testDescription: "without colour, softened", options: x264 + ["-vf", "hue=s=0,gblur=3"]),
    .init(testDescription: "250 ms late", options: x264 + ["-vf", "setpts=PTS+0.25/TB,fps=25"], lag: 250),
    .init(
      testDescription: "joined 3.1 s late", options: x264 + ["-vf", "trim=start=3.1,setpts=PTS-STARTPTS"], lag: -3100),
  ]

  @Test("Its place is measured to a frame", arguments: cases)
  func place(expected: Case) async throws {
    let match = try await match(["-an"] + expected.options, among: Self.cases.map { ["-an"] + $0.options })
    #expect(match.treatment == .reencoded && !match.isAnother && match.frozen == .zero && match.shownAgain == .zero)
    #expect(match.jump == nil, "\(match)")
    if let words = expected.reason {
      return #expect(match.lagProblem?.contains(words) == true, "\(match.lagProblem ?? "no reason")")
    }
    let lag = try #require(match.lag, "\(match.lagProblem ?? "")").milliseconds
    #expect(abs(lag - expected.lag) < 40, "\(lag) ms")
  }

  @Test("A copy is placed by its packets")
  func copied() async throws {
    let match = try await match(["-an", "-c", "copy"])
    #expect(match.treatment == .untouched && match.lag != nil && match.likeness == nil)
  }

  @Test("Where there is no picture, that is the reason")
  func noPicture() async throws {
    let gone = try await match(["-vn", "-c:a", "copy"])
    #expect(gone.treatment == .absent && gone.lag == nil)
    #expect(gone.lagProblem == "the output has no picture")
    let never = try await match(["-c:a", "copy"], fixture: "counting-no-video")
    #expect(never.lagProblem == "the fixture has no picture")
  }

  @Test("A picture that stands still cannot be placed")
  func still() async throws {
    let match = try await match(["-an"] + Self.x264 + ["-vf", "trim=end_frame=1,loop=300:1,setpts=N/30/TB"])
    #expect(match.lag == nil && !match.isAnother)
    #expect(match.lagProblem == "the output's picture stands still")
    #expect(abs(match.frozen.seconds - 10) < 0.5, "\(match.frozen)")
  }

  private static let stills = [
    ("select='not(between(t,3,6))',fps=25", 3.0), ("fps=25,drawbox=t=fill:color=black:enable='between(t,4,6)'", 2),
    ("select='not(between(t,3,3.4))',fps=25", 0), ("fps=25,drawbox=t=fill:color=black:enable='between(t,4,4.5)'", 0),
  ]

  /// ffmpeg's options for a picture alone, through a filter.
  private static func filtered(_ filter: String) -> [String] { ["-an"] + x264 + ["-vf", filter] }

  @Test(
    "A picture that stands still, or is black, for more than a second is told with its length; a hiccup is none",
    arguments: stills)
  func frozen(filter: String, seconds: Double) async throws {
    let match = try await match(Self.filtered(filter), among: Self.stills.map { Self.filtered($0.0) })
    #expect(abs(match.frozen.seconds - seconds) < 0.3, "\(match)")
  }

  /// ffmpeg's filter that shows pictures again, 25 a second, with what comes after them late, or in time for what it is left out.
  static func again(_ count: Int, inPlace: Bool) -> String {
    let late = "fps=25,loop=loop=1:size=\(count):start=100"
    let instead = ",select='not(between(n,\(100 + 2 * count),\(99 + 3 * count)))'"
    return late + (inPlace ? instead : "") + ",setpts=N/25/TB"
  }

  private static let repetitions = [
    (25, true), (25, false), (50, true), (12, true), (12, false), (5, true), (5, false), (0, true),
  ]

  private static func repeated(_ count: Int, inPlace: Bool) -> [String] {
    filtered("scale=320:180," + (count > 0 ? again(count, inPlace: inPlace) : "fps=25"))
  }

  @Test("Pictures that are shown a second time are told with their length, moments are none", arguments: repetitions)
  func shownAgain(count: Int, inPlace: Bool) async throws {
    for fixture in ["counting-awb", "counting-short"] {
      let match = try await match(
        Self.repeated(count, inPlace: inPlace), among: Self.repetitions.map { Self.repeated($0.0, inPlace: $0.1) },
        fixture: fixture)
      let seconds = count > 5 ? Double(count) / 25 : 0
      #expect(abs(match.shownAgain.seconds - seconds) < 0.12 && match.frozen == .zero, "\(match)")
      let late = inPlace || count < 8 ? 0 : seconds
      #expect(abs((match.jump?.change.seconds ?? 0) - late) < 0.1, "\(match)")
      if late > 0 { #expect(abs((match.jump?.time.seconds ?? 0) - 4 - seconds) < 0.6, "\(match)") }
    }
  }

  /// Something that was never in the fixture, and pictures that were left out; the rest is as it was.
  private static let changes = [
    ("split[a][b];[a]trim=0:5,setpts=PTS-STARTPTS[a];[b]trim=5,setpts=PTS-STARTPTS+6/TB[b];[a][b]interleave", 1.0),
    ("select='not(between(t,5,5.99))',setpts=N/25/TB", -1), ("select='not(between(t,5,5.1))',setpts=N/25/TB", 0),
  ]

  @Test(
    "A picture that comes later or earlier from somewhere on is told with the time and by how much", arguments: changes)
  func jumps(filter: String, change: Double) async throws {
    for fixture in ["counting-awb", "counting-short"] {
      let all = Self.changes.map { Self.filtered("scale=320:180,fps=25," + $0.0) }
      let match = try await match(Self.filtered("scale=320:180,fps=25," + filter), among: all, fixture: fixture)
      #expect(abs((match.jump?.change.seconds ?? 0) - change) < 0.1, "\(match)")
      #expect(match.shownAgain == .zero, "\(match)")
      if change != 0 { #expect(match.lag != nil && abs((match.jump?.time.seconds ?? 0) - 5) < 1.6, "\(match)") }
    }
  }

  @Test("Slides, and what hardly moves, have no second place")
  func slides() throws {
    let values = Damage.noise(4 * GreyFrames.size, 100)
    let slides = (0..<4).map { values[$0 * GreyFrames.size..<($0 + 1) * GreyFrames.size].map { 128 + Double($0) } }
    let noise = Damage.noise(30_011, 1)
    /// Each slide for so many seconds, with an encoder's noise, and a mouth that moves.
    func video(_ seconds: [Double], mouth: Bool = false) -> GreyFrames {
      var pixels: [UInt8] = []
      for (slide, length) in zip(slides, seconds) {
        for frame in 0..<Int(length * Double(GreyFrames.rate)) {
          for (index, value) in slide.enumerated() {
            let moved = mouth && index < 6 ? 12 * sin(Double(frame) / 5) : 0
            pixels.append(UInt8(value + moved + Double(noise[pixels.count % noise.count])))
          }
        }
      }
      return GreyFrames(pixels)
    }
    let whole = video([5, 5, 5, 5])
    #expect(PicturePlaces(whole, in: video([5, 5, 5, 5]), lag: .zero).jump == nil)
    #expect(PicturePlaces(video([20], mouth: true), in: video([20], mouth: true), lag: .zero).jump == nil)
    // One that was shown longer than it should have been.
    let late = PicturePlaces(whole, in: video([5, 7, 5, 5]), lag: .zero).jump
    #expect(late == nil || abs((late?.change.seconds ?? 0) - 2) < 0.2, "\(late.map { "\($0)" } ?? "")")
  }

  @Test("A picture that shows again what it had shown turns its check red")
  func shownAgainIsRed() throws {
    var evidence = HealthyRun.evidence
    (evidence.video.treatment, evidence.video.likeness) = (.reencoded, 0.97)
    (evidence.video.matched, evidence.video.foreign) = (0, 30)
    #expect(DubbingVerdict(evidence).failedChecks == [])
    evidence.video.shownAgain = .seconds(1)
    let failed = DubbingVerdict(evidence).failedChecks
    #expect(failed.map(\.name) == [.videoPackets] && failed[0].detail.contains("a second time"), "\(failed)")
    evidence.video.shownAgain = .zero
    for (change, word) in [(1.5, "1.50 s later"), (-1.5, "1.50 s earlier")] {
      evidence.video.jump = .init(time: .seconds(4), change: .seconds(change))
      let failed = DubbingVerdict(evidence).failedChecks
      #expect(failed.map(\.name) == [.videoPackets] && failed[0].detail.contains(word), "\(failed)")
    }
  }

  @Test("Where the fixture itself stands still, the output may as long")
  func frozenFixture() throws {
    func moving(_ still: Range<Int>) -> GreyFrames {
      var pixels: [UInt8] = []
      for frame in 0..<600 {
        let shown: Int = still.contains(frame) ? still.lowerBound : frame
        for pixel in 0..<GreyFrames.size { pixels.append(UInt8((pixel * 7 + shown * 3) % 251)) }
      }
      return GreyFrames(pixels)
    }
    let (whole, slide) = (moving(0..<0), moving(200..<380))
    #expect(PictureMatch.frozen(slide, in: slide, lag: .zero) == .zero)
    #expect(PictureMatch.frozen(whole, in: slide, lag: .zero) > .seconds(2))
    #expect(PictureMatch.frozen(whole, in: slide, lag: nil) > .seconds(2))
    #expect(PictureMatch.frozen(whole, in: whole, lag: .zero) == .zero)
    // Only what the fixture has a picture for counts.
    #expect(PictureMatch.frozen(whole, in: slide, lag: .seconds(-7)) == .zero)
  }

  @Test("A picture of something else is a fault")
  func another() async throws {
    let match = try await match(["-an"] + Self.x264 + ["-vf", "hflip,negate,vflip,reverse"])
    #expect(match.lag == nil && match.isAnother, "\(match)")
  }

  @Test("A picture that repeats itself could be anywhere")
  func repeating() throws {
    // Two seconds of moving bars, five times.
    let loop = (0..<120).flatMap { frame in
      (0..<GreyFrames.size).map { (pixel: Int) -> UInt8 in
        let moved: Int = pixel * 7 + (pixel / 32 + 1) * frame * 5
        return UInt8(moved % 251)
      }
    }
    let frames = GreyFrames((0..<5).flatMap { _ in loop })
    #expect(PictureMatch.shownAgain(frames, in: frames, lag: .zero) == .zero)
    let error = #expect(throws: PictureMatch.NotMeasurable.self) { try PictureMatch.find(frames, in: frames) }
    #expect(error?.reason.contains("repeats itself every 2.0 s") == true, "\(error?.reason ?? "")")
  }

  @Test("What is taken from all places alike says nothing against the best one")
  func noisy() throws {
    var random = SystemRandomNumberGenerator()
    let noise: () -> Double = { Double.random(in: -1...1, using: &random) }
    // Of each picture 85 % come again every second; of the output's, more than a quarter is noise.
    let loop = (0..<60 * GreyFrames.size).map { _ in noise() }
    let own = (0..<10 * 60 * GreyFrames.size).map { _ in noise() }
    let shown = own.indices.map { 0.93 * loop[$0 % loop.count] + 0.37 * own[$0] }
    func frames(_ values: [Double]) -> GreyFrames { GreyFrames(values.map { UInt8(128 + 50 * $0) }) }
    let late = 32 * GreyFrames.size
    let output = shown.indices.map { (0.62 * noise() + ($0 < late ? noise() : shown[$0 - late])) / 1.5 }
    let match = try PictureMatch.find(frames(shown), in: frames(output))
    #expect(abs(match.lag.milliseconds - 533) < 17, "\(match)")
    #expect(match.likeness < 0.9)
  }

  @Test("What is described decides whether a picture may be encoded anew; without a word both are right")
  func described() throws {
    var evidence = HealthyRun.evidence
    (evidence.video.treatment, evidence.video.likeness) = (.reencoded, 0.97)
    (evidence.video.matched, evidence.video.foreign) = (0, 30)
    evidence.output?.video?.codec = "hevc"
    #expect(DubbingVerdict(evidence).failedChecks == [])
    evidence.picture = .reencoded
    #expect(DubbingVerdict(evidence).failedChecks == [])
    evidence.picture = .untouched
    #expect(DubbingVerdict(evidence).failedChecks.map(\.name) == [.codecs, .videoPackets])
    evidence.picture = nil
    evidence.video.isAnother = true
    #expect(DubbingVerdict(evidence).failedChecks.map(\.name) == [.videoPackets])
  }

  @Test("Another worker's stream, with a picture of its own, passes whole", arguments: [0.0, 0.25])
  func foreignStream(delay: Double) async throws {
    var stream = MadeStream(fixture: try Fixture.named("counting"))
    (stream.segment, stream.joined, stream.dropsTail, stream.soundDelay) = (6.016, 0.2, true, delay)
    stream.coded = ("m4a", ["-c:a", "aac", "-b:a", "64k", "-f", "mp4"])
    stream.picture = ForeignStreamTests.reencoded
    let made = try await stream.make()
    defer { made.remove() }
    let verdict = DubbingVerdict(
      try await OutputAnalysis(
        stream: "s", fixture: stream.fixture, budget: .standard, events: made.events, spoken: made.events
      ).evidence(of: MediaFile(made.recording.path), problem: nil))
    #expect(verdict.video == .reencoded)
    #expect(verdict.failedChecks.map(\.name) == (delay > 0 ? [.avSync] : []), "\(verdict.failedChecks)")
    let sent = verdict.fragments.filter { $0.sentAfter != nil }
    #expect(sent.count == 4)
    for fragment in sent {
      let delta = try #require(fragment.avDelta).milliseconds
      #expect(abs(delta - delay * 1000) < 40, "fragment \(fragment.sequence): \(delta) ms")
    }
  }

  @Test("What cannot be measured is not said to be in sync")
  func notMeasurable() throws {
    var evidence = HealthyRun.evidence
    (evidence.video.lag, evidence.video.lagProblem) = (nil, "the fixture's picture stands still")
    let verdict = DubbingVerdict(evidence)
    #expect(verdict.fragments.map(\.avDelta) == [nil, nil])
    #expect(try #require(verdict[.avSync]).detail.contains("the fixture's picture stands still"))
  }
}
