extension Continuity {
  /// Where an ``Attributor`` found its dubbed candidates: each place once, with the candidate's index as that of the clip.
  ///
  /// So a recording that was attributed is followed without being searched again:
  /// `Continuity(clips: candidates.map(\.clip)).report(on: recording, placements: Continuity.placements(in: windows, of: candidates))`.
  ///
  /// - Parameters:
  ///   - windows: what was attributed, windows or segments.
  ///   - candidates: those that the attributor was given.
  public static func placements(in windows: [WindowAttribution], of candidates: [Candidate]) -> [Placement] {
    var placements: [Placement] = []
    for window in windows {
      guard let index = window.candidateIndex, candidates.indices.contains(index), !candidates[index].isOriginal else {
        continue
      }
      let start = (candidates[index].expectedStart ?? 0) + window.lagSeconds
      guard !placements.contains(where: { $0.clip == index && abs($0.start - start) < 0.5 }) else { continue }
      placements.append(Placement(clip: index, start: start))
    }
    return placements.sorted { $0.start < $1.start }
  }
}
