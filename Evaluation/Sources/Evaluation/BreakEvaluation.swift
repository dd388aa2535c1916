import AudioPrint
import Foundation

/// `make eval PART=breaks`: breaks of known place put into known sound, coded, and looked for again; and hours without any.
struct BreakEvaluation: Sendable {
  let folder: String
  /// How often each source is broken by each kind after each codec; one round gives about 1,300 breaks of each kind.
  let rounds: Int
  /// Unbroken minutes of each source after each codec.
  let minutes: Int
  let sources: [Int]
  /// Whether sounds are only made and coded, which is nearly all of the time: what is there is not made again.
  let isForSoundsOnly: Bool

  static let seconds = 60.0

  /// Neighbours are alike: even ones tune, odd ones report.
  static let kinds: [(name: String, kind: SourceKind?, isSpeech: Bool)] = [
    ("flite slt", .sentences(voice: "slt"), true), ("flite awb", .sentences(voice: "awb"), true),
    ("flite kal16", .sentences(voice: "kal16"), true), ("flite rms", .sentences(voice: "rms"), true),
    ("espeak en", .sentences(voice: "en-us"), true), ("espeak es", .sentences(voice: "es"), true),
    ("espeak de", .sentences(voice: "de"), true), ("espeak fr", .sentences(voice: "fr"), true),
    ("espeak f2", .sentences(voice: "en-gb+f2"), true), ("espeak m3", .sentences(voice: "en-us+m3"), true),
    ("numbers slt", .numbers(voice: "slt"), true), ("numbers awb", .numbers(voice: "awb"), true),
    ("music 1", .music, false), ("music 2", .music, false),
    ("over music slt", .overMusic(voice: "slt"), false), ("over music es", .overMusic(voice: "es"), false),
    ("noise 1", nil, false), ("noise 2", nil, false),
  ]
  static let codecs: [Transform] = Transform.all.filter {
    ["aac 128k stereo", "aac 64k", "mp3 128k", "opus 24k"].contains($0.name)
  }
  static let broken: [Break.Kind] = BreakMaker.kinds + [.channelLost]

  /// One break that was made, and what was said of it.
  struct Outcome: Sendable {
    var source: Int
    var codec: String
    var made: MadeBreak
    /// Whether a break of any kind, and of the right one, was reported there.
    var isFound: Bool
    var isNamed: Bool
    /// Seconds by which begin and end are off, of one that is rightly named.
    var edges: [Double]
    /// Whether ffmpeg's silencedetect found a silence there that the source has not.
    var isSilent: Bool?
  }

  /// What was looked at without a break in it.
  struct Clean: Sendable {
    var source: Int
    var hours: Double
    var alarms: [String]
    var silences: Int
  }

  struct Result: Sendable {
    var outcomes: [Outcome] = []
    var clean: [Clean] = []
    /// Breaks that were reported where none was made, in broken recordings.
    var strays: [String] = []
    var milliseconds = 0.0
    var followed = 0.0
  }

  func run() async throws {
    let clock = ContinuousClock()
    let start = clock.now
    let factory = MaterialFactory(folder: folder)
    let width = max(1, ProcessInfo.processInfo.activeProcessorCount)
    var all = Result()
    try await withThrowingTaskGroup(of: Result.self) { group in
      var waiting = sources.makeIterator()
      for _ in 0..<width { if let next = waiting.next() { group.addTask { try await measure(next, factory) } } }
      var done = 0
      while let result = try await group.next() {
        all.outcomes += result.outcomes
        all.clean += result.clean
        all.strays += result.strays
        all.milliseconds += result.milliseconds
        all.followed += result.followed
        done += 1
        note("breaks: \(done) of \(sources.count) sources, \(start.duration(to: clock.now).components.seconds) s")
        // What is known so far, for who cannot wait for the end.
        let known = BreakReport(result: all).text()
        try Data((known + "\n").utf8).write(to: URL(fileURLWithPath: folder + "/breaks.txt"))
        if let next = waiting.next() { group.addTask { try await measure(next, factory) } }
      }
    }
    let report = BreakReport(result: all)
    print(report.text())
    try Table.write(report.rows(), to: folder + "/breaks.json")
    note("\(folder)/breaks.json written after \(start.duration(to: clock.now).components.seconds) s")
  }

  private func note(_ text: String) { FileHandle.standardError.write(Data("eval: \(text)\n".utf8)) }

  // MARK: Sounds

  private func sound(_ index: Int, _ factory: MaterialFactory, _ seed: UInt64) async throws -> AudioClip {
    guard let kind = Self.kinds[index].kind else { return try Self.gusts(seed: seed, seconds: Self.seconds) }
    return try await factory.sound(kind, seed: seed, seconds: Self.seconds).levelled(-22)
  }

  /// Noise that comes and goes, in a band that wanders.
  static func gusts(seed: UInt64, seconds: Double) throws -> AudioClip {
    var chance = Chance(seed)
    var (samples, last, pole, gain): ([Float], Float, Float, Float) = ([], 0, 0.5, 0.1)
    for index in 0..<Int(seconds * Double(Tool.sampleRate)) {
      if index % (Tool.sampleRate / 8) == 0 {
        pole = Float.random(in: 0...0.9, using: &chance)
        gain = Float.random(in: 0.05...0.3, using: &chance)
      }
      last = pole * last + Float.random(in: -1...1, using: &chance) * (1 - pole)
      samples.append(gain * last)
    }
    return try AudioClip.of(samples).levelled(-22)
  }

  // MARK: One source

  private func measure(_ index: Int, _ factory: MaterialFactory) async throws -> Result {
    var result = Result()
    let sounds = BreakSounds(folder: folder)
    let source = try await sound(index, factory, UInt64(900_000 + 1000 * index))
    let continuity = Continuity(clips: [source])
    let wave = "\(folder)/breaks/\(index)-source.wav"
    try await Tool.cached(wave) { try Tool.write(source, to: $0) }
    let own = try await Silences.detect(in: wave)
    for (k, kind) in Self.broken.enumerated() {
      let isStereo = kind == .channelLost
      // Only two of the codecs are stereo.
      let takes = (0..<(isStereo ? 2 : 1) * rounds).map { round in
        breaking(source, kind, seed: UInt64(index * 10_000 + round * 100 + k), rotated: round * 3 + k)
      }
      for (c, codec) in Self.codecs.enumerated() where !isStereo || c == 0 || c == 2 {
        let heard = try await sounds.coded(
          takes, codec, "\(index)-\(kind.rawValue)-\(rounds)", isForSilences: kind == .missing,
          forPeers: c == 0 && !isStereo ? wave : nil)
        for (take, heard) in zip(takes, heard) where !isForSoundsOnly {
          let silences = kind == .missing ? (heard.silences, own) : nil
          judge(follow(continuity, heard), take.made, index, codec.name, silences, &result)
        }
      }
    }
    var clean = minutes > 0 ? [source] : []
    while clean.count < minutes {
      clean.append(try await sound(index, factory, UInt64(900_000 + 1000 * index + clean.count)))
    }
    let takes = clean.map { BreakSounds.Take(samples: $0.samples) }
    for codec in Self.codecs where !clean.isEmpty {
      let heard = try await sounds.coded(takes, codec, "\(index)-clean-\(minutes)", isForSilences: true)
      for (minute, heard) in heard.enumerated() where !isForSoundsOnly {
        let report = timed(Continuity(clips: [clean[minute]]), heard, &result)
        var alarms = report.breaks.map { "\($0.kind.rawValue) at \($0.start) for \($0.length)" }
        if !report.lost.isEmpty { alarms.append("lost") }
        result.clean.append(
          Clean(
            source: index, hours: heard.left.duration / 3600,
            alarms: alarms.map { "\(Self.kinds[index].name), minute \(minute), \(codec.name): \($0)" },
            silences: heard.silences.count))
      }
    }
    return result
  }

  private func follow(_ continuity: Continuity, _ heard: BreakSounds.Heard) -> Continuity.Report {
    continuity.report(left: heard.left, right: heard.right, placements: [.init(clip: 0, start: 0)])
  }

  /// The same, with the time that it takes: unbroken, as nearly all is.
  private func timed(_ continuity: Continuity, _ heard: BreakSounds.Heard, _ result: inout Result) -> Continuity.Report
  {
    let start = Self.processorSeconds
    let report = follow(continuity, heard)
    result.milliseconds += 1000 * (Self.processorSeconds - start)
    result.followed += heard.left.duration
    return report
  }

  /// CPU time of this thread.
  private static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// The source with breaks of one kind and all lengths; for a lost channel, with the other channel.
  private func breaking(
    _ source: AudioClip, _ kind: Break.Kind, seed: UInt64, rotated: Int
  ) -> BreakSounds.Take {
    var maker = BreakMaker(source.samples, rate: Tool.sampleRate, seed: seed)
    let count = BreakMaker.lengths.count
    let wanted = (0..<4 * count).map {
      (kind: kind == .channelLost ? .missing : kind, length: BreakMaker.lengths[($0 + rotated) % count])
    }
    let (samples, made) = maker.broken(wanted)
    return BreakSounds.Take(
      samples: samples, left: kind == .channelLost ? source.samples : nil,
      made: made.map { MadeBreak(kind: kind, start: $0.start, length: $0.length, shift: $0.shift) })
  }

  private func judge(
    _ report: Continuity.Report, _ made: [MadeBreak], _ index: Int, _ codec: String,
    _ silences: (found: [ClosedRange<Double>], own: [ClosedRange<Double>])?, _ result: inout Result
  ) {
    // Codecs smear by up to a block; what is reported there belongs to the break.
    let reach = 0.06
    var used: Set<Int> = []
    for one in made {
      let span = one.start - reach...one.start + (one.kind == .skipped ? 0 : one.length) + reach
      let near = report.breaks.indices.filter { number in
        let found = report.breaks[number]
        return found.start <= span.upperBound && found.range.upperBound >= span.lowerBound
      }
      used.formUnion(near)
      let named = near.map { report.breaks[$0] }.filter { $0.kind == one.kind }
      let best = named.min { abs($0.start - one.start) < abs($1.start - one.start) }
      let edges = best.map {
        [abs($0.start - one.start), abs($0.start + $0.length - one.start - one.length)]
      }
      let isSilent = silences.map { silences in
        silences.found.contains { silence in
          silence.overlaps(span) && !silences.own.contains { $0.overlaps(silence) }
        }
      }
      result.outcomes.append(
        Outcome(
          source: index, codec: codec, made: one, isFound: !near.isEmpty || !report.lost.isEmpty, isNamed: best != nil,
          edges: edges ?? [], isSilent: isSilent))
    }
    for (number, stray) in report.breaks.enumerated() where !used.contains(number) {
      result.strays.append(
        "\(Self.kinds[index].name), \(codec), \(made.first?.kind.rawValue ?? ""): \(stray.kind.rawValue) at \(stray.start) for \(stray.length)"
      )
    }
  }
}
