import AudioPrint
import ComposeTesting
import Foundation
import Testing

@Suite("Continuity: whether a recording plays a clip without a break", .kind(.computing))
struct ContinuityTests {
  /// A break that is put into a fragment of speech.
  enum Fault: String, CaseIterable, Sendable {
    case missing, doubled, doubledInPlace, skipped, inserted, levelDrop, clipping

    var kind: Break.Kind {
      switch self {
      case .missing: .missing
      case .doubled, .doubledInPlace: .doubled
      case .skipped: .skipped
      case .inserted: .inserted
      case .levelDrop: .levelDrop
      case .clipping: .clipping
      }
    }

    func put(into clip: AudioClip, at start: Double, length: Double) throws -> AudioClip {
      let end = start + length
      switch self {
      case .missing: return try clip.changing(start, end) { _ in 0 }
      case .doubled: return try clip.replacing(start, start, with: clip.slice(from: start - length, to: start).samples)
      case .doubledInPlace:
        return try clip.replacing(start, end, with: clip.slice(from: start - length, to: start).samples)
      case .skipped: return try clip.replacing(start, end, with: [])
      case .inserted:
        let loud = Float(2 * pow(10, clip.slice(from: start, to: end).level / 20))
        return try clip.replacing(start, end, with: AudioClip.noise(length, amplitude: loud, seed: 5).samples)
      case .levelDrop: return try clip.changing(start, end) { 0.1 * $0 }
      case .clipping:
        let limit = 0.3 * (clip.slice(from: start, to: end).samples.map(abs).max() ?? 1)
        return try clip.changing(start, end) { min(limit, max(-limit, $0)) }
      }
    }
  }

  enum Coding: String, CaseIterable, Sendable {
    case none, aac, mp3, opus

    func pass(_ clip: AudioClip) async throws -> AudioClip {
      guard let (options, container) = how else { return clip }
      return try await Media.roundTrip(clip, options, container: container)
    }

    /// The same for one of several, which are coded together.
    func pass(_ clip: AudioClip, among all: [AudioClip]) async throws -> AudioClip {
      guard let (options, container) = how else { return clip }
      return try await Media.roundTrip(clip, among: all, options, container: container)
    }

    /// ffmpeg's options, and the container; nil: nothing is done.
    private var how: (options: [String], container: String)? {
      switch self {
      case .none: nil
      case .aac: (Media.publishing, "mp4")
      case .mp3: (["-c:a", "libmp3lame", "-b:a", "64k", "-ar", "44100"], "mp3")
      case .opus: (["-c:a", "libopus", "-b:a", "24k"], "ogg")
      }
    }
  }

  private func report(_ clip: AudioClip, on recording: AudioClip, at start: Double = 0) -> Continuity.Report {
    Continuity(clips: [clip]).report(on: recording, placements: [.init(clip: 0, start: start)])
  }

  @Test(
    "A break of 120 ms is found, named and placed", arguments: Fault.allCases,
    Coding.allCases)
  func breaks(fault: Fault, coding: Coding) async throws {
    let clip = try await Media.dubbed()[3]
    // What is played twice must sound as well.
    let start = clip.sounding(from: 2, for: 0.25) + 0.12
    func put(_ fault: Fault) throws -> AudioClip {
      try fault.put(into: clip, at: start, length: 0.12).delayed(0.4)
    }
    let broken = try await coding.pass(put(fault), among: Fault.allCases.map(put))
    let found = report(clip, on: broken, at: 0.4)
    #expect(found.breaks.map(\.kind) == [fault.kind], "\(found)")
    let first = try #require(found.breaks.first)
    // What is cut off lies in the peaks only, and the loudest are not at both ends.
    let tolerance = fault == .clipping ? 0.09 : 0.012
    #expect(abs(first.start - start - 0.4) < tolerance, "\(first), put at \(start + 0.4)")
    #expect(abs(first.length - 0.12) < tolerance && abs(first.clipStart - start) < tolerance, "\(first)")
    #expect(!found.isUnbroken)
  }

  @Test("The neighbour of every break, which is the clip without one, has none", arguments: Coding.allCases)
  func neighbour(coding: Coding) async throws {
    let clip = try await Media.dubbed()[3]
    let whole = report(clip, on: try await coding.pass(clip.delayed(0.4)), at: 0.4)
    #expect(whole.isUnbroken && whole.clips.count == 1, "\(whole)")
  }

  @Test("Missing sound is found from 20 ms on, at AAC 128k", arguments: [0.02, 0.04, 0.1, 0.5])
  func lengths(length: Double) async throws {
    let clip = try await Media.dubbed()[0]
    let start = clip.sounding(from: 1.5, for: min(0.2, length))
    let found = report(clip, on: try await Coding.aac.pass(Fault.missing.put(into: clip, at: start, length: length)))
    #expect(found.breaks.map(\.kind) == [.missing], "\(found)")
    #expect(abs((found.breaks.first?.start ?? 0) - start) < 0.012, "\(found.breaks), put at \(start)")
  }

  @Test("A stutter, a buffer that loops and a silent end, which passed as green")
  func injected() async throws {
    let clip = try await Media.dubbed()[4]
    var stutter = clip
    for step in 1..<11 { stutter = try stutter.changing(Double(step) * 0.5, Double(step) * 0.5 + 0.1) { _ in 0 } }
    let stuttering = report(clip, on: try await Coding.aac.pass(stutter))
    #expect(stuttering.breaks.count >= 9 && stuttering.breaks.allSatisfy { $0.kind == .missing }, "\(stuttering)")
    let looped = try clip.replacing(2.5, 3, with: clip.slice(from: 2, to: 2.5).samples)
    #expect(report(clip, on: try await Coding.aac.pass(looped)).breaks.map(\.kind) == [.doubled])
    let ended = report(clip, on: try await Coding.aac.pass(clip.changing(4, 6) { _ in 0 }))
    #expect(ended.breaks.allSatisfy { $0.kind == .missing } && !ended.isUnbroken, "\(ended)")
    #expect(ended.breaks.reduce(0) { $0 + $1.length } > 1, "\(ended)")
  }

  @Test("What is put in or left out may move the end by any length", arguments: [Fault.inserted, .doubled, .skipped])
  func longer(fault: Fault) async throws {
    let clip = try await Media.original()
    var broken = clip
    // From the end on, so that places stay where they are.
    let starts = [22.0, 17, 12, 7].map { clip.sounding(from: $0, for: 0.12) + 0.06 }
    #expect(zip(starts, starts.dropFirst()).allSatisfy { $0 - $1 > 2.5 }, "\(starts)")
    for start in starts {
      switch fault {
      case .inserted: broken = try broken.replacing(start, start, with: AudioClip.noise(2, seed: UInt64(start)).samples)
      default: broken = try fault.put(into: broken, at: start, length: 2)
      }
    }
    let found = report(clip, on: try await Coding.aac.pass(broken))
    #expect(found.breaks.map(\.kind) == starts.map { _ in fault.kind }, "\(found)")
    #expect(found.breaks.allSatisfy { abs($0.length - 2) < 0.02 }, "\(found)")
    let moved = fault == .skipped ? -8.0 : 8
    #expect(abs((found.clips.first?.end ?? 0) - clip.duration - moved) < 0.05, "\(found)")
  }

  @Test(
    "Clips that overlap by what codecs round are joined, also where a gap of less than nothing is allowed",
    arguments: [0.02, 0, -1, -Double.infinity])
  func roundedJoint(gap: Double) throws {
    let (one, other) = (try AudioClip.noise(2, seed: 3), try AudioClip.noise(2, seed: 4))
    let recording = try AudioClip(samples: one.samples.dropLast(40) + other.samples, sampleRate: one.sampleRate)
    let found = Continuity(clips: [one, other], options: .init(gap: gap))
      .report(on: recording, placements: [.init(clip: 0, start: 0), .init(clip: 1, start: 1.995)])
    #expect(found.clips.count == 2 && found.interludes[1].start > found.interludes[1].end, "\(found)")
    #expect(found.breaks.isEmpty, "\(found)")
  }

  @Test("A clip is found though all of its loudest pieces are moved, by more than is searched", arguments: [0.5, 2])
  func early(length: Double) throws {
    // Unlike speech, noise is like itself at no other place.
    let clip = try AudioClip.noise(30, seed: 7).changing(0, 3) { 0.2 * $0 }
    let broken = try clip.replacing(2.5, 2.5, with: clip.slice(from: 2.5 - length, to: 2.5).samples)
    let found = report(clip, on: broken)
    #expect(found.breaks.map(\.kind) == [.doubled] && found.lost.isEmpty, "\(found)")
    #expect(abs((found.breaks.first?.length ?? 0) - length) < 0.02, "\(found)")
  }

  @Test(
    "What a pipeline may do to a clip is no break",
    arguments: [
      ["-af", "volume=-12dB", "-c:a", "aac", "-b:a", "64k", "-ar", "44100"],
      ["-af", "adelay=133:all=1", "-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2"],
      ["-af", "aresample=48000,adelay=1001S:all=1", "-c:a", "aac", "-b:a", "64k"],
      ["-af", "lowpass=3600", "-c:a", "aac", "-b:a", "128k"],
      ["-af", "asetrate=8002,aresample=48000", "-c:a", "aac", "-b:a", "128k"],
      ["-af", "asetrate=7760,aresample=48000", "-c:a", "aac", "-b:a", "128k"],
      ["-af", "asetrate=8240,aresample=48000", "-c:a", "aac", "-b:a", "128k"],
      ["-af", "asetrate=8040,aresample=48000", "-c:a", "aac", "-b:a", "128k"],
    ])
  func harmless(coding: [String]) async throws {
    let clip = try await Media.original()
    let found = report(clip, on: try await Media.roundTrip(clip, coding))
    #expect(found.isUnbroken && found.clips.count == 1, "\(found)")
  }

  @Test("Opus at 24k is unbroken over music, where it changes from one of its modes to another")
  func changingModes() async throws {
    let speech = try await AudioDecoder.decode(Media.resource("original.opus"), sampleRate: 16_000)
    let notes = try AudioClip.notes(speech.duration, seed: 16)
    let clip = try speech.gain(-6.02).mixed(with: notes.gain(-42 - notes.level))
    let found = report(clip, on: try await Coding.opus.pass(clip))
    #expect(found.isUnbroken && found.clips.count == 1, "\(found)")
  }

  @Test("A break is found at another speed as well, in the recording's time")
  func breakAtSpeed() async throws {
    let clip = try await Media.original()
    let start = clip.sounding(from: 14, for: 0.1)
    let broken = try Fault.missing.put(into: clip, at: start, length: 0.1)
    let fast = try await Media.roundTrip(
      broken, ["-af", "asetrate=8240,aresample=48000", "-c:a", "aac", "-b:a", "128k"])
    let found = report(clip, on: fast)
    #expect(found.breaks.map(\.kind) == [.missing], "\(found)")
    #expect(abs((found.breaks.first?.start ?? 0) - start / 1.03) < 0.015, "\(found)")
    #expect(abs((found.clips.first?.speedRatio ?? 0) - 1.03) < 1e-3)
  }

  // MARK: Several clips

  @Test("Clips are found without being told where, and what lies between them is said")
  func joints() async throws {
    let clips = Array(try await Media.dubbed().prefix(3)).map { $0.slice(from: 0.2, to: 4.6) }
    let gap = try AudioClip.silence(0.12)
    let click = try AudioClip.noise(0.03, amplitude: 0.5)
    let recording = try await Coding.aac.pass(.joined([.silence(0.5), clips[0], gap, clips[1], click, clips[2]]))
    let found = Continuity(clips: clips).report(on: recording)
    #expect(found.clips.map(\.clip) == [0, 1, 2] && found.lost.isEmpty, "\(found)")
    #expect(found.breaks.map(\.kind) == [.gap, .inserted], "\(found)")
    #expect(abs((found.breaks.first?.length ?? 0) - 0.12) < 0.01)
    #expect(found.interludes.count == 4 && found.interludes[0].previous == nil && found.interludes[3].next == nil)
    #expect(found.interludes[0].level == nil && found.interludes[2].level != nil)
    let joined = try await Coding.aac.pass(.joined(clips))
    #expect(Continuity(clips: clips).report(on: joined).isUnbroken)
  }

  @Test("A clip that begins before the last one has ended overlaps it")
  func overlap() async throws {
    let clips = Array(try await Media.dubbed().prefix(2)).map { $0.slice(from: 0.2, to: 4.6) }
    let late = try clips[1].delayed(4.3)
    let found = Continuity(clips: clips).report(on: try clips[0].mixed(with: late))
    #expect(found.breaks.contains { $0.kind == .overlap && abs($0.length - 0.1) < 0.02 }, "\(found)")
  }

  @Test("What was attributed is followed where it was found")
  func attributed() async throws {
    let dubbed = try await Media.dubbed()
    var candidates = [Candidate(role: .original, clip: try await Media.original(), expectedStart: 0)]
    for (index, clip) in dubbed.enumerated() {
      candidates.append(Candidate(role: .dubbed(index), clip: clip, expectedStart: 6 * Double(index)))
    }
    let start = dubbed[3].sounding(from: 2, for: 0.1)
    let broken = try Fault.missing.put(into: dubbed[3], at: start, length: 0.1)
    let parts: [AudioClip] = Array(dubbed.prefix(3)) + [broken, dubbed[4]]
    let recording = try await Coding.aac.pass(AudioClip.joined(parts).delayed(0.7))
    let starts = (0..<5).map { 0.7 + 6 * Double($0) }
    let windows = Attributor(candidates: candidates).attribute(
      recording, windows: starts.map { (start: $0, end: $0 + 6) })
    let placements = Continuity.placements(in: windows, of: candidates)
    #expect(placements.map(\.clip) == [1, 2, 3, 4, 5], "\(placements)")
    let found = Continuity(clips: candidates.map(\.clip)).report(on: recording, placements: placements)
    #expect(found.breaks.map(\.kind) == [.missing] && found.breaks.first?.clip == 4, "\(found)")
    let first: Double = found.breaks.first?.start ?? 0
    #expect(abs(first - 18.7 - start) < 0.01, "\(found.breaks)")
  }

  // MARK: Channels

  @Test("A channel that is silent alone is lost; both out of phase, or uneven, are not")
  func channels() async throws {
    let clip = try await Media.dubbed()[3]
    let start = clip.sounding(from: 2, for: 0.25)
    let half = try clip.changing(start, start + 0.25) { _ in 0 }
    let continuity = Continuity(clips: [clip])
    let placements = [Continuity.Placement(clip: 0, start: 0)]
    let lost = continuity.report(left: clip, right: half, placements: placements)
    #expect(
      lost.breaks.contains { $0.kind == .channelLost && abs($0.start - start) < 0.02 && abs($0.length - 0.25) < 0.03 },
      "\(lost)")
    #expect(lost.breaks.allSatisfy { $0.kind == .channelLost }, "\(lost)")
    let silent = continuity.report(left: clip, right: try .silence(clip.duration), placements: placements)
    #expect(silent.breaks.map(\.kind).contains(.channelLost), "\(silent)")
    let inverted = try clip.changing(0, clip.duration) { -$0 }
    #expect(continuity.report(left: clip, right: inverted, placements: placements).isUnbroken)
    #expect(continuity.report(left: clip, right: try clip.gain(-12), placements: placements).isUnbroken)
  }

  @Test("A stereo file is decoded to its channels, what is mono to two that are alike")
  func stereo() async throws {
    let clip = try await Media.dubbed()[3]
    try await Media.withFolder { folder in
      try await Media.write(clip, to: folder + "/left.wav", ["-af", "pan=stereo|c0=c0|c1=0*c0"])
      let (left, right, mixed) = try await AudioDecoder.decodeStereo(folder + "/left.wav")
      #expect(abs(left.level - clip.level) < 0.5 && right.level < -80 && left.samples.count == clip.samples.count)
      try await Media.write(clip, to: folder + "/mono.wav", [])
      let mono = try await AudioDecoder.decodeStereo(folder + "/mono.wav")
      #expect(mono.left == mono.right && mono.left.samples.count == clip.samples.count)
      // What is decoded once for both is what mono alone would be, whoever decodes.
      for (mixed, path) in [(mixed, "/left.wav"), (mono.mixed, "/mono.wav")] {
        let alone = try await AudioDecoder.decode(folder + path)
        #expect(mixed.samples.count == alone.samples.count)
        #expect(zip(mixed.samples, alone.samples).allSatisfy { abs($0 - $1) < 1e-6 }, "\(path)")
      }
    }
  }

  // MARK: Bad input

  @Test(
    "What is missing for less than the shortest that counts is no break", arguments: [nil, 0, .nan, 0.015, 0.03])
  func shortest(shortest: Double?) async throws {
    let clip = try await Media.dubbed()[0]
    let start = clip.sounding(from: 1.5, for: 0.1)
    let options = shortest.map { Continuity.Options(shortestMissing: $0) } ?? .init()
    for (length, isBreak) in [(0.01, shortest == 0), (0.02, shortest != 0.03), (0.04, true)] {
      let broken = try Fault.missing.put(into: clip, at: start, length: length)
      let found = Continuity(clips: [clip], options: options).report(
        on: broken, placements: [.init(clip: 0, start: 0)])
      #expect(found.breaks.map(\.kind) == (isBreak ? [.missing] : []), "\(length) s: \(found)")
      #expect(found.isUnbroken == !isBreak)
    }
  }

  @Test("Nothing is said of silence, of what is not played, and of what is too short")
  func nothing() async throws {
    let dubbed = try await Media.dubbed()
    let (clip, other) = (dubbed[0], dubbed[4])
    let silence = try AudioClip.silence(6)
    let empty = try AudioClip.silence(0)
    for recording in [silence, empty, try AudioClip.noise(6)] {
      let found = report(clip, on: recording)
      #expect(found.breaks.isEmpty && found.clips.isEmpty && found.lost == [0] && !found.isUnbroken, "\(found)")
    }
    for source in [silence, empty] {
      #expect(report(source, on: clip).lost == [0] && report(source, on: source).lost == [0])
    }
    let none = Continuity(clips: []).report(on: clip)
    #expect(none.clips.isEmpty && !none.isUnbroken && none.interludes.count == 1)
    #expect(Continuity(clips: [other.slice(from: 0, to: 3)]).report(on: try .noise(3)).lost == [0])
  }

  @Test("A recording that begins or ends inside a clip is cut off, not broken")
  func cut() async throws {
    let clip = try await Media.dubbed()[0]
    let found = report(clip, on: clip.slice(from: 1.5, to: 4.25), at: -1.5)
    #expect(found.breaks.isEmpty && !found.isUnbroken, "\(found)")
    let only = try #require(found.clips.first)
    #expect(
      abs(only.cutBefore - 1.5) < 0.01 && abs(only.cutAfter - 1.75) < 0.01 && abs(only.end - 2.75) < 0.01, "\(only)")
  }
}
