import AudioPrint
import DubbingTesting
import Foundation
import Testing

/// A fault in what is recorded of a stream, the diagnosis that it must lead to, and a neighbour that is none.
struct MadeFault: Sendable, CustomTestStringConvertible {
  typealias Change = @Sendable (inout MadeStream) throws -> Void

  var name: String
  var outcome = StreamOutcome.dubbed
  var checks: Set<DubbingVerdict.Check.Name>
  /// The kinds of break that `continuity` may call it.
  var kinds: Set<Break.Kind> = []
  var fixture = "counting-short"
  var make: Change
  /// What is nearly the same, and no fault; nil: the stream without it.
  var neighbour: Change?

  var testDescription: String { name }

  func stream(_ change: Change?) throws -> MadeStream {
    var stream = MadeStream(fixture: try Fixture.named(fixture))
    try change?(&stream)
    return stream
  }

  /// As docs/checks.md has it.
  var row: String {
    let order = DubbingVerdict.Check.Name.allCases + [.continuity, .heardAgain]
    let red = order.filter(checks.contains).map(\.rawValue).joined(separator: ", ")
    return "| \(name) | \(outcome.rawValue) | \(red.isEmpty ? "none" : red) |"
  }
}

/// What is done to a made output's sound.
enum Damage {
  private static let rate = Double(MadeStream.rate)

  static func samples(_ start: Double, _ length: Double) -> Range<Int> {
    Int(start * rate)..<Int((start + length) * rate)
  }

  /// Seconds at which the loudest stretch of a length begins, in the second fragment.
  static func loudest(_ length: Double, in sound: [Float]) -> Double {
    func power(_ start: Double) -> Float { sound[samples(start, length)].reduce(0) { $0 + $1 * $1 } }
    return stride(from: 6.5, to: 11 - length, by: 0.01).max { power($0) < power($1) } ?? 6.5
  }

  /// Does something to a stretch in the middle of the loudest one.
  static func inside(_ length: Double, _ change: @escaping @Sendable (inout ArraySlice<Float>) -> Void)
    -> MadeFault.Change
  {
    { stream in
      stream.damage = { sound in
        let start = loudest(length + 0.1, in: sound) + 0.05
        var part = sound[samples(start, length)]
        change(&part)
        sound.replaceSubrange(samples(start, length), with: part)
      }
    }
  }

  /// Cuts out the middle of a loud stretch: what follows comes at once.
  static func leftOut(_ length: Double) -> MadeFault.Change {
    whole { sound in sound.removeSubrange(samples(loudest(length + 0.1, in: sound) + 0.05, length)) }
  }

  static func whole(_ change: @escaping @Sendable (inout [Float]) -> Void) -> MadeFault.Change {
    { $0.damage = change }
  }

  static func filter(_ filter: String) -> MadeFault.Change { { $0.filter = filter } }

  /// A clock of the sound that runs at another speed than the picture's.
  static func clock(_ speed: Double) -> MadeFault.Change {
    filter("aresample=48000,asetrate=\(Int(48000 * speed)),aresample=48000")
  }

  /// A picture that is small and encoded anew, through a filter.
  static func picture(_ filter: String) -> MadeFault.Change {
    { $0.picture = ["-c:v", "libx264", "-preset", "ultrafast", "-vf", filter] }
  }

  static func tone(_ amplitude: Float) -> MadeFault.Change {
    whole { sound in
      for index in sound.indices { sound[index] += amplitude * sin(2 * .pi * 1000 * Float(index) / Float(rate)) }
    }
  }

  static func wire(_ fault: StreamFault) -> MadeFault.Change { { $0.fault = fault } }

  /// White noise of an amplitude, the same each time.
  static func noise(_ count: Int, _ amplitude: Float) -> [Float] {
    var state: UInt32 = 1
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return amplitude * (Float(state >> 8) / Float(1 << 23) - 1)
    }
  }
}

extension MadeFault {
  static let all = insideOfADub + channels + places + pictures + wire

  static let insideOfADub: [MadeFault] = [
    MadeFault(
      name: "a stutter: 100 ms missing every 500 ms", checks: [.continuity], kinds: [.missing],
      make: Damage.whole { sound in
        for start in stride(from: 0.25, to: Double(sound.count) / Double(MadeStream.rate) - 0.2, by: 0.5) {
          for index in Damage.samples(start, 0.1) { sound[index] = 0 }
        }
      }),
    MadeFault(
      name: "half a second repeated", checks: [.continuity], kinds: [.doubled],
      make: Damage.whole { sound in
        let start = Damage.loudest(1, in: sound)
        sound.replaceSubrange(
          Damage.samples(start + 0.5, 0.5), with: Array(sound[Damage.samples(start, 0.5)]))
      }),
    MadeFault(
      name: "60 ms of the dub left out", checks: [.continuity], kinds: [.skipped],
      make: Damage.leftOut(0.06), neighbour: Damage.leftOut(0.004)),
    MadeFault(
      name: "100 ms of the dub played twice, in place of what follows", checks: [.continuity], kinds: [.doubled],
      make: Damage.whole { sound in
        let start = Damage.loudest(0.3, in: sound)
        sound.replaceSubrange(
          Damage.samples(start + 0.15, 0.1), with: Array(sound[Damage.samples(start + 0.05, 0.1)]))
      }),
    MadeFault(
      name: "the last two seconds silent", checks: [.continuity], kinds: [.missing],
      make: Damage.whole { sound in
        for index in sound.count - 2 * MadeStream.rate..<sound.count { sound[index] = 0 }
      }),
    MadeFault(
      name: "a gap of 20 ms, once", checks: [.continuity], kinds: [.missing],
      make: Damage.inside(0.02) { part in for index in part.indices { part[index] = 0 } },
      neighbour: Damage.inside(0.004) { part in for index in part.indices { part[index] = 0 } }),
    MadeFault(
      name: "a click where two fragments meet", checks: [.continuity], kinds: [.inserted],
      make: Damage.whole { sound in
        for index in Damage.samples(5.999, 0.003) { sound[index] = index.isMultiple(of: 4) ? 0.9 : -0.7 }
      }),
    MadeFault(
      name: "a hum of 1 kHz under the dub", checks: [.continuity], kinds: [.inserted], make: Damage.tone(0.03),
      neighbour: Damage.tone(0.0003)),
    MadeFault(
      name: "300 ms of another sound in place of the dub", checks: [.continuity], kinds: [.inserted],
      make: Damage.inside(0.3) { part in part = Damage.noise(part.count, 0.2)[...] }),
    MadeFault(
      name: "half a second of the dub 20 dB too quiet", checks: [.continuity], kinds: [.levelDrop],
      make: Damage.inside(0.5) { part in for index in part.indices { part[index] *= 0.1 } },
      neighbour: Damage.inside(0.5) { part in for index in part.indices { part[index] *= 0.6 } }),
    MadeFault(
      name: "a second of the dub with its peaks cut off", checks: [.continuity], kinds: [.clipping],
      make: Damage.inside(1) { part in
        let most = 0.2 * (part.map(abs).max() ?? 1)
        for index in part.indices { part[index] = min(most, max(-most, part[index])) }
      },
      neighbour: Damage.inside(1) { part in
        let most = 0.9 * (part.map(abs).max() ?? 1)
        for index in part.indices { part[index] = min(most, max(-most, part[index])) }
      }),
  ]

  static let channels: [MadeFault] = [
    MadeFault(
      name: "one channel silent", checks: [.continuity], kinds: [.channelLost],
      make: Damage.filter("pan=stereo|c0=c0|c1=0*c0"), neighbour: Damage.filter("pan=stereo|c0=c0|c1=0.4*c0")),
    MadeFault(
      name: "channels swapped", checks: [],
      make: Damage.filter("pan=stereo|c0=c0|c1=0.4*c0,pan=stereo|c0=c1|c1=c0")),
    MadeFault(name: "one channel upside down", checks: [], make: Damage.filter("aeval='val(0)|-val(0)':c=stereo")),
    MadeFault(
      name: "the output's sound is mp3", checks: [.codecs],
      make: { $0.sound = ["-c:a", "libmp3lame", "-b:a", "128k", "-ar", "44100", "-ac", "2"] }),
  ]

  static let places: [MadeFault] = [
    MadeFault(
      name: "dub early by 200 ms", checks: [.avSync], make: { $0.soundDelay = -0.2 },
      neighbour: { $0.soundDelay = -0.08 }),
    MadeFault(
      name: "every fragment's dub shifted by one", checks: [.identity, .avSync], fixture: "counting",
      make: { stream in
        stream.sounds = [0: .silence]
        for sequence in 1..<5 { stream.sounds[sequence] = .dubOf(sequence - 1) }
      }),
    MadeFault(
      name: "the same dub for every fragment", outcome: .failed, checks: [.identity], fixture: "counting",
      make: { stream in
        for sequence in 0..<5 { stream.sounds[sequence] = .dubOf(2) }
      }),
    MadeFault(
      name: "the sound's clock 0.5 % slow, for 12 s", checks: [], make: Damage.clock(0.995)),
    MadeFault(
      name: "the sound's clock 0.5 % slow, for half a minute", checks: [.avSync], fixture: "counting",
      make: { stream in
        try Damage.clock(0.995)(&stream)
        stream.speech = ["voices"]
      },
      neighbour: { stream in
        try Damage.clock(0.999)(&stream)
        stream.speech = ["voices"]
      }),
    MadeFault(
      name: "output that goes on for 3 s after the stream's end", checks: [.duration],
      make: Damage.whole { $0 += [Float](repeating: 0, count: 3 * MadeStream.rate) },
      neighbour: Damage.whole { $0 += [Float](repeating: 0, count: MadeStream.rate / 3) }),
  ]

  static let pictures: [MadeFault] = [
    MadeFault(
      name: "picture frozen for 3 s, the sound right", checks: [.videoPackets],
      make: Damage.picture("select='not(between(t,4,7))',fps=25"), neighbour: Damage.picture("fps=25")),
    MadeFault(
      name: "picture frozen from its beginning, the sound right", checks: [.videoPackets],
      make: Damage.picture("trim=end_frame=1,loop=359:1,setpts=N/30/TB")),
    MadeFault(
      name: "picture black for 2 s", checks: [.videoPackets],
      make: Damage.picture("fps=25,drawbox=t=fill:color=black:enable='between(t,4,6)'"),
      neighbour: Damage.picture("fps=25,drawbox=t=fill:color=black:enable='between(t,4,4.4)'")),
    MadeFault(
      name: "a second of the picture shown again, the sound right", checks: [.videoPackets],
      make: Damage.picture(PictureMatchTests.again(25, inPlace: true)),
      neighbour: Damage.picture(PictureMatchTests.again(5, inPlace: true))),
    MadeFault(
      name: "half a second of the picture shown again, the sound right", checks: [.videoPackets],
      make: Damage.picture(PictureMatchTests.again(12, inPlace: true))),
    MadeFault(
      name: "a second of the picture put in, so that the rest comes late", checks: [.videoPackets, .avSync],
      make: Damage.picture(PictureMatchTests.again(25, inPlace: false) + ",trim=duration=12"),
      neighbour: Damage.picture(PictureMatchTests.again(2, inPlace: false) + ",trim=duration=12")),
    MadeFault(name: "output without its picture", checks: [.codecs], make: { $0.picture = nil }),
  ]

  static let wire: [MadeFault] = [
    MadeFault(
      name: "an answer with another stream's id", checks: [.contract],
      make: Damage.wire(.answer(1, name: "stream") { $0.streamID = "another" }),
      neighbour: Damage.wire(.answer(1, name: "nothing") { _ in })),
    MadeFault(
      name: "a dub of 10 MB", checks: [.contract],
      make: Damage.wire(.answer(2, name: "long") { $0.dubbedAudio?.data.append(Data(count: 10_000_000)) }),
      neighbour: Damage.wire(.answer(2, name: "20 ms") { $0.dubbedAudio?.data.append(Data(count: 640)) })),
    MadeFault(
      name: "a worker's clock that jumps by an hour", checks: [],
      make: Damage.wire(
        .fragments(.range(2...2), .changeFragment { $0.timestamp += 3_600_000 }, name: "clock"))),
  ]
}
