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
    var strays: [Stray] = []
    var milliseconds = 0.0
    var followed = 0.0

    mutating func add(_ other: Result) {
      outcomes += other.outcomes
      clean += other.clean
      strays += other.strays
      milliseconds += other.milliseconds
      followed += other.followed
    }
  }

  struct Stray: Sendable {
    var source: Int
    var text: String
  }

  /// What is made, coded and judged in one go, after all codecs.
  enum Part: Sendable {
    case broken(source: Int, kind: Int, round: Int)
    case clean(source: Int, minutes: Range<Int>)
  }

  /// All of them, in an order that is drawn by lot, the same each time: what is known of a run that was stopped is a fair sample of it.
  var parts: [Part] {
    var parts = sources.flatMap { source in
      let broken = Self.broken.indices.flatMap { kind in
        // Only two of the codecs are stereo.
        (0..<(Self.broken[kind] == .channelLost ? 2 : 1) * rounds).map {
          Part.broken(source: source, kind: kind, round: $0)
        }
      }
      return broken
        + stride(from: 0, to: minutes, by: 3).map { .clean(source: source, minutes: $0..<min(minutes, $0 + 3)) }
    }
    var chance = Chance(19)
    parts.shuffle(using: &chance)
    return parts
  }

  func run() async throws {
    let clock = ContinuousClock()
    let start = clock.now
    let factory = MaterialFactory(folder: folder)
    let width = max(1, ProcessInfo.processInfo.activeProcessorCount)
    var known: [Int: Source] = [:]
    for index in sources { known[index] = try await source(index, factory) }
    let (all, made) = (parts, known)
    note("breaks: \(made.count) sources are there, \(start.duration(to: clock.now).components.seconds) s")
    var result = Result()
    try await withThrowingTaskGroup(of: Result.self) { group in
      var (waiting, done, written) = (all.makeIterator(), 0, clock.now)
      for _ in 0..<width { if let next = waiting.next() { group.addTask { try await measure(next, made, factory) } } }
      while let part = try await group.next() {
        result.add(part)
        done += 1
        if let next = waiting.next() { group.addTask { try await measure(next, made, factory) } }
        // What is known so far, for who cannot wait for the end.
        guard written.duration(to: clock.now) > .seconds(10) || done == all.count else { continue }
        written = clock.now
        let progress = "\(done) of \(all.count) parts after \(start.duration(to: clock.now).components.seconds) s"
        note("breaks: " + progress)
        let text = progress + "\n" + BreakReport(result: result).text() + "\n"
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/breaks.txt"))
        try Table.write(BreakReport(result: result).rows(), to: folder + "/breaks.json")
      }
    }
    print(BreakReport(result: result).text())
    note("\(folder)/breaks.json written after \(start.duration(to: clock.now).components.seconds) s")
  }

  private func note(_ text: String) { FileHandle.standardError.write(Data("eval: \(text)\n".utf8)) }

  // MARK: Sounds

  /// An unbroken minute of a source, sample by sample the same in every run: breaks lie where it sounds.
  private func minute(_ minute: Int, of index: Int, _ factory: MaterialFactory) async throws -> AudioClip {
    let path = "\(folder)/minutes/\(index)-\(minute).f32"
    try await Tool.cached(path) { file in
      let clip = try await made(minute, of: index, factory)
      try clip.samples.withUnsafeBytes { Data($0) }.write(to: URL(fileURLWithPath: file))
    }
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    return try .of(data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) })
  }

  private func made(_ minute: Int, of index: Int, _ factory: MaterialFactory) async throws -> AudioClip {
    let seed = UInt64(900_000 + 1000 * index + minute)
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

  /// A minute that is broken again and again.
  private struct Source: Sendable {
    var clip: AudioClip
    /// Its file.
    var path: String
    /// Where silencedetect finds it silent without a break.
    var silences: [ClosedRange<Double>]
    var continuity: Continuity
  }

  private func source(_ index: Int, _ factory: MaterialFactory) async throws -> Source {
    let clip = try await minute(0, of: index, factory)
    let path = "\(folder)/breaks/\(index)-source.wav"
    try await Tool.cached(path) { try Tool.write(clip, to: $0) }
    return Source(
      clip: clip, path: path, silences: try await Silences.detect(in: path), continuity: Continuity(clips: [clip]))
  }

  // MARK: One part

  private func measure(_ part: Part, _ sources: [Int: Source], _ factory: MaterialFactory) async throws -> Result {
    switch part {
    case .broken(let index, let kind, let round):
      guard let source = sources[index] else { return Result() }
      return try await broken(source, index, kind, round)
    case .clean(let index, let minutes): return try await clean(index, minutes, factory)
    }
  }

  private func broken(_ source: Source, _ index: Int, _ number: Int, _ round: Int) async throws -> Result {
    var result = Result()
    let kind = Self.broken[number]
    let isStereo = kind == .channelLost
    let take = breaking(
      source.clip, kind, seed: UInt64(index * 10_000 + round * 100 + number), rotated: round * 3 + number)
    for (c, codec) in Self.codecs.enumerated() where !isStereo || c == 0 || c == 2 {
      let heard = try await BreakSounds(folder: folder).coded(
        [take], codec, "\(index)-\(kind.rawValue)-\(round)", isForSilences: kind == .missing,
        forPeers: round == 0 && c == 0 && !isStereo ? source.path : nil)
      for heard in heard {
        let silences = kind == .missing ? (heard.silences, source.silences) : nil
        judge(follow(source.continuity, heard), take.made, index, codec.name, silences, &result)
      }
    }
    return result
  }

  private func clean(_ index: Int, _ minutes: Range<Int>, _ factory: MaterialFactory) async throws -> Result {
    var result = Result()
    var clips: [AudioClip] = []
    for number in minutes { clips.append(try await minute(number, of: index, factory)) }
    let takes = clips.map { BreakSounds.Take(samples: $0.samples) }
    for codec in Self.codecs {
      let heard = try await BreakSounds(folder: folder).coded(
        takes, codec, "\(index)-clean-\(minutes.lowerBound)+\(minutes.count)", isForSilences: true)
      for (number, heard) in zip(minutes, heard) {
        let report = timed(Continuity(clips: [clips[number - minutes.lowerBound]]), heard, &result)
        var alarms = report.breaks.map { "\($0.kind.rawValue) at \($0.start) for \($0.length)" }
        if !report.lost.isEmpty { alarms.append("lost") }
        result.clean.append(
          Clean(
            source: index, hours: heard.left.duration / 3600,
            alarms: alarms.map { "\(Self.kinds[index].name), minute \(number), \(codec.name): \($0)" },
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
      let made = made.first?.kind.rawValue ?? ""
      let found = "\(stray.kind.rawValue) at \(stray.start) for \(stray.length)"
      result.strays.append(
        Stray(source: index, text: "\(Self.kinds[index].name), \(codec), \(made): \(found)"))
    }
  }
}
