import Driver
import Foundation

@testable import AudioPrint

/// What is done with an input, and what must hold whatever it is: a broken promise traps, which libFuzzer reports as a crash.
enum AudioInputs {
  typealias Bytes = UnsafeBufferPointer<UInt8>

  /// Rates that a clip is given. A table, because each pair of rates keeps FFTW plans; none with 1 Hz, whose blocks are 2^20 samples.
  static let rates = [8000, 7919, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000]
  /// Values that arithmetic trips over.
  static let oddities: [Float] = [
    0, -0.0, 1, -1, .nan, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude, 1e-20, 1e18, -1e30,
  ]

  /// PCM of any format becomes finite samples of the right number, or the error that fits; and can be cut, hashed and resampled.
  static func pcm(_ bytes: Bytes) {
    guard bytes.count >= 4 else { return }
    let (format, channels) = (bytes[0], Int(Int8(bitPattern: bytes[1])))
    let rate =
      bytes[2] < 16 ? [-1, 0, 1, 768_000, 768_001, .max][Int(bytes[2]) % 6] : rates[Int(bytes[2]) % rates.count]
    let target = rates[Int(bytes[3]) % rates.count]
    var raw = Array(bytes.dropFirst(4))
    // Repeated, so that a short input fills the 5 s of a hash, or more than a resampler's block.
    if format & 2 != 0, !raw.isEmpty {
      raw = Array((0..<max(1, min(40, 20_000 / raw.count))).map { _ in raw }.joined())
    }
    let size = format & 1 == 0 ? 2 : 4
    let isGood = (1...64).contains(channels) && (1...768_000).contains(rate)
    let isWhole = isGood && raw.count.isMultiple(of: size * channels)
    let clip: AudioClip
    do {
      clip =
        size == 2
        ? try AudioClip(pcm16: raw, sampleRate: rate, channels: channels)
        : try AudioClip(pcmFloat32: raw, sampleRate: rate, channels: channels)
    } catch {
      guard let error = error as? AudioError else { preconditionFailure("\(error) is no AudioError") }
      demand(error.code == (isWhole ? .notFinite : .badFormat) && (size == 4 || !isWhole), "\(error)")
      return
    }
    demand(isWhole && clip.samples.count * size * channels == raw.count, "a clip of another length")
    demand(clip.samples.allSatisfy(\.isFinite), "a clip that is not finite")
    demand(!clip.level.isNaN && clip.duration.isFinite)
    let cut = clip.slice(from: Double(bytes[0]) / 1000 - 0.1, to: Double(bytes[3]) / 100 - 0.1)
    demand(cut.samples.count <= clip.samples.count && cut.sampleRate == clip.sampleRate)
    demand(SpectralHash(clip) == SpectralHash(clip), "a hash that changes")
    demand(Set(SpectralHash.loudestBins(of: clip)).count == min(100, clip.samples.isEmpty ? 0 : bins(clip)))
    guard rates.contains(rate), let other = try? clip.resampled(to: target) else { return }
    let wanted = (Double(clip.samples.count) * Double(target) / Double(rate)).rounded()
    demand(abs(Double(other.samples.count) - wanted) <= 1, "a resampled clip of another length")
    demand(other.samples.allSatisfy(\.isFinite), "a resampled clip that is not finite")
    guard clip.samples.allSatisfy({ abs($0) < 1e30 }) else { return }
    let peak = clip.samples.reduce(0) { max($0, abs($1)) }
    demand(
      other.samples.allSatisfy { abs($0) <= 8 * peak + 1e-6 }, "a resampled clip that is louder than the clip")
  }

  private static func bins(_ clip: AudioClip) -> Int { min(clip.samples.count, 5 * clip.sampleRate) / 2 + 1 }

  /// JSON that may be a stored fingerprint, and any fingerprint's comparison with any other.
  static func fingerprint(_ bytes: Bytes) {
    guard let first = bytes.first else { return }
    let rest = Data(bytes.dropFirst())
    if first & 1 == 0 {
      guard let read = try? JSONDecoder().decode(Fingerprint.self, from: rest) else { return }
      check(read, read, maxOffset: 1)
      return
    }
    // Any bytes in an envelope that is well formed: what was written is read, and written the same again.
    let halves = rest.split(separator: 0x1E, maxSplits: 1, omittingEmptySubsequences: false).map(stored)
    check(halves[0], halves.last ?? halves[0], maxOffset: [0, 0.5, 10, -1, .nan, .infinity][Int(first / 2) % 6])
  }

  private static func stored(_ bits: Data) -> Fingerprint {
    let frames = bits.count / 5
    let json =
      #"{"format":"audioprint","version":1,"frames":\#(frames),"bits":"\#(Data(bits.prefix(5 * frames)).base64EncodedString())"}"#
    guard let read = try? JSONDecoder().decode(Fingerprint.self, from: Data(json.utf8)) else {
      preconditionFailure("a well-formed fingerprint is refused: \(json)")
    }
    demand(read.subprints.count == frames && read.levels.count == frames)
    return read
  }

  private static func check(_ one: Fingerprint, _ other: Fingerprint, maxOffset: Double) {
    guard let text = try? JSONEncoder().encode(one) else { preconditionFailure("a fingerprint cannot be written") }
    demand((try? JSONDecoder().decode(Fingerprint.self, from: text)) == one, "a fingerprint changed in its file")
    for (a, b) in [(one, other), (other, one), (one, one)] {
      let match = a.compare(b, maxOffset: maxOffset)
      demand(match.bitErrorRate.map { (0...1).contains($0) } ?? true)
      demand(match.explainedBlocks <= match.audibleBlocks && match.lagSeconds.isFinite)
      let reach = maxOffset.isNaN || maxOffset < 0 ? 0 : maxOffset
      demand(abs(match.lagSeconds) <= reach + Fingerprint.hop, "a lag beyond the offset that was allowed")
      let isHeard = b.levels.contains { Double($0) >= Thresholds.inaudible }
      let isKnown = a.levels.contains { Double($0) >= Thresholds.inaudible }
      demand(isHeard || match.isSame == !isKnown, "silence is the same as silence only")
    }
    let audible = one.levels.count { Double($0) >= Thresholds.inaudible }
    demand(audible < 8 || one.compare(one, maxOffset: maxOffset).isSame, "a fingerprint differs from itself")
  }

  /// What may be fpcalc's output, and the comparison of the items in it.
  static func chromaprint(_ bytes: Bytes) {
    let parts = bytes.split(separator: 0x1E, maxSplits: 1, omittingEmptySubsequences: false)
    let prints = parts.map { part in
      (try? ChromaprintFingerprint(fpcalc: String(decoding: part, as: UTF8.self)))
        ?? ChromaprintFingerprint(
          items: part.withUnsafeBytes { raw in
            (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self) }
          })
    }
    guard let one = prints.first, let other = prints.last else { return }
    for (from, to, reach) in [
      (0, Double.infinity, 10.0), (0.2, 2, .nan), (-1, 1e300, .infinity), (.nan, 1, 0), (3, 1, 2),
    ] {
      let share = one.agreement(with: other, from: from, to: to, maxOffset: reach)
      demand(share.map { (0...1).contains($0) } ?? true)
    }
    demand(one.items.count < 8 || one.agreement(with: one) == 1, "items differ from themselves")
  }

  /// Two clips of any make, compared both ways and with themselves.
  static func similarity(_ bytes: Bytes) {
    var script = Script(bytes)
    let (a, b) = (script.clip(from: []), script.clip(from: []))
    let reach = script.pick([10, 0, 0.5, -1, .nan, .infinity])
    for (one, other) in [(a.clip, b.clip), (b.clip, a.clip)] {
      let found = Similarity.compare(one, other, maxOffset: reach)
      demand((0...1).contains(found.coherence) && SpeedEstimation.range.contains(found.speedRatio), "\(found)")
      demand(found.lagSeconds.isFinite && found.level.map(\.isFinite) ?? true, "\(found)")
      demand(found.residualLevel.map(\.isFinite) ?? true, "\(found)")
      demand(found.explainedWindows <= found.audibleWindows, "\(found)")
      // At the rate of the analysis: what lies above 4 kHz is not heard there.
      let levels = [one, other].map {
        AudioClip(unchecked: Waveform($0).samples, sampleRate: Thresholds.sampleRate).level
      }
      let isOneSilent = (levels.min() ?? 0) < Thresholds.silence && (levels.max() ?? 0) >= Thresholds.inaudible
      demand(!isOneSilent || !found.isSame, "silence is the same as sound: \(found)")
    }
    _ = Fingerprint(a.clip).compare(b.clip, maxOffset: reach)
  }

  /// An output that an input composes of its candidates and of other things, in windows, segments and a stream.
  static func attribution(_ bytes: Bytes) {
    var script = Script(bytes)
    let made = (0..<script.next(4)).map { _ in script.clip(from: []) }
    let candidates = made.enumerated().map { index, made in
      Candidate(
        role: index == 0 ? .original : .dubbed(index), clip: made.clip,
        expectedStart: script.pick([0, nil, Double(index), -3, .nan, .infinity, -1e300]))
    }
    let options = AttributionOptions(
      searchRange: script.pick([2, 0, 0.1, .nan, .infinity, -1]),
      wideSearchRange: script.pick([30, 0, .infinity, .nan]))
    let output = script.clip(from: made.map(\.clip))
    let attributor = Attributor(candidates: candidates, options: options)
    let length = output.clip.duration
    let windows = [
      (0, length), (script.seconds, script.seconds), (length - 1.5, length + 1), (-1, 0.5), (.nan, .infinity),
    ]
    let isForeign = output.isForeign && made.allSatisfy(\.isForeign)
    func check(_ results: [WindowAttribution], _ attributor: Attributor) {
      for result in results {
        Self.check(result, attributor, length)
        guard output.clip.level < Thresholds.silence || isForeign else { continue }
        demand(result.candidateIndex == nil, "a source out of nothing: \(result)")
      }
    }
    let found = attributor.attribute(output.clip, windows: windows)
    demand(found.count == windows.count)
    check(found, attributor)
    let segments = attributor.segments(output.clip)
    check(segments, attributor)
    covers(segments, length)
    guard let original = candidates.first, attributor.candidates[0].expectedStart == 0 else { return }
    let fragments = Attributor(candidates: Array(candidates.dropFirst()), options: options)
    let window: Double? = script.pick([nil, 0.5, 1.3, 6])
    var stream = StreamAttribution(attributor: fragments, hasOriginal: true, window: window, block: 4)
    stream.append(original: Waveform(original.clip).samples)
    stream.endOriginal()
    let streamed = stream.append(all: Waveform(output.clip).samples)
    check(streamed, attributor)
    // The last windows of a stream end less than 0.1 s before it does: that little says nothing.
    covers(streamed, length, but: window == nil ? 0 : 0.1)
  }

  private static func check(_ result: WindowAttribution, _ attributor: Attributor, _ length: Double) {
    demand((0...1).contains(result.coherence) && (0...1).contains(result.originalCoherence), "\(result)")
    demand((0...1).contains(result.confidence) && (0...1).contains(result.secondCoherence), "\(result)")
    demand(!result.level.isNaN && result.level < .infinity, "\(result)")
    demand(!result.residualLevel.isNaN && result.residualLevel < .infinity, "\(result)")
    let isNamed = result.attribution != .silent && result.attribution != .unknown
    demand(isNamed == (result.candidateIndex != nil), "\(result)")
    demand((result.attribution == .mixed) == (result.secondCandidateIndex != nil), "\(result)")
    guard let index = result.candidateIndex else { return demand(result.lagSeconds == 0, "\(result)") }
    let candidate = attributor.candidates[index]
    let place = result.lagSeconds + (candidate.expectedStart ?? 0)
    demand(
      place > -candidate.clip.duration - 0.1 && place < length + 0.1, "a place outside of the output: \(result)")
    demand(candidate.clip.level >= Thresholds.silence - 60, "a silent source: \(result)")
  }

  private static func covers(_ results: [WindowAttribution], _ length: Double, but rest: Double = 0) {
    // At another rate the output is a whole number of other samples.
    let tolerance = rest + 1.0 / Double(Thresholds.sampleRate)
    guard let first = results.first, let last = results.last else {
      return demand(length <= tolerance, "nothing is said of \(length) s")
    }
    demand(first.start == 0 && abs(last.end - length) <= tolerance, "\(first.start)…\(last.end) of \(length) s")
    for (one, next) in zip(results, results.dropFirst()) {
      demand(abs(one.end - next.start) < 1e-9 && one.start < one.end, "a gap: \(one) \(next)")
    }
  }
}
