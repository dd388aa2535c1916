import Driver

@testable import AudioPrint

/// Recordings that an input makes of clips and of other things, followed.
enum ContinuityInputs {
  static func follow(_ bytes: UnsafeBufferPointer<UInt8>) {
    // Up to 1.3 s a sound: a clip of four of them has room for each kind of break, and a million inputs take an hour.
    var script = Script(bytes, step: 0.005)
    let made = (0..<script.next(3)).map { _ in script.clip(from: []) }
    var recording = script.clip(from: made.map(\.clip))
    var other = script.next(4) == 0 ? script.clip(from: made.map(\.clip)) : recording
    let options = Continuity.Options(
      searchRange: script.pick([0.25, 0, 2, 30, .nan, .infinity, -1]),
      gap: script.pick([0.02, 0, .nan, .infinity, -1]),
      shortestMissing: script.pick([0.015, 0, .nan, .infinity, -1]))
    let continuity = Continuity(clips: made.map(\.clip), options: options)
    let placements: [Continuity.Placement]? =
      script.next(3) == 0
      ? nil
      : (0..<script.next(5)).map { _ in
        Continuity.Placement(
          clip: script.next(4) - 1,
          start: script.pick([0, script.seconds, -script.seconds, .nan, .infinity, -1e300, 1e300]))
      }
    let isStereo = script.next(3) == 0
    let speed = script.pick([1, 0.97, 0.995, 0.999, 1.005, 1.03, 1.2])
    recording.clip = played(recording.clip, at: speed)
    other.clip = played(other.clip, at: speed)
    let report =
      isStereo
      ? continuity.report(left: recording.clip, right: other.clip, placements: placements)
      : continuity.report(on: recording.clip, placements: placements)
    let asked = placements?.filter { made.indices.contains($0.clip) }.count ?? made.count
    demand(report.clips.count + report.lost.count == asked, "\(report)")
    demand(report.interludes.count == report.clips.count + 1, "\(report)")
    demand(!report.isUnbroken || report.breaks.isEmpty && report.lost.isEmpty, "\(report)")
    let length = max(recording.clip.duration, other.clip.duration) + 0.02
    for found in report.breaks {
      demand(found.start.isFinite && found.length.isFinite && found.clipStart.isFinite, "\(found)")
      demand(found.length >= 0 && found.start >= -0.02 && found.start <= length, "\(found) in \(length) s")
      demand(found.kind == .skipped || found.start + found.length <= length + 4, "\(found) in \(length) s")
      demand(report.clips.contains { $0.clip == found.clip }, "\(found) of a clip that is not played")
    }
    for clip in report.clips {
      demand(
        clip.start >= 0 && clip.end <= length && clip.judged >= clip.followed && clip.followed > 0, "\(clip)")
      demand(clip.cutBefore >= 0 && clip.cutAfter >= 0 && (0.9...1.1).contains(clip.speedRatio), "\(clip)")
    }
    // Silence and noise of its own are no recording of anything.
    let level = [recording.clip, isStereo ? other.clip : recording.clip].map(\.level).max() ?? 0
    let isForeign = made.allSatisfy(\.isForeign) && recording.isForeign && (!isStereo || other.isForeign)
    demand(report.clips.isEmpty || !(level < Thresholds.silence - 40 || isForeign), "found in nothing: \(report)")
  }

  private static func played(_ clip: AudioClip, at speed: Double) -> AudioClip {
    guard speed != 1 else { return clip }
    let samples = Stretch.samples(clip.samples, by: 1 / speed)
    // What rings beside the greatest numbers may be none.
    return AudioClip(unchecked: samples.map { $0.isFinite ? $0 : 0 }, sampleRate: clip.sampleRate)
  }
}
