import AudioPrint

extension ChromaprintFingerprint {
  /// The fingerprint of a file by `fpcalc`; empty if it finds nothing to print, as in silence.
  init(of path: String) async throws {
    // It exits with 3 after some files that it has read to their end ("Error decoding audio frame (End of file)").
    try self.init(
      fpcalc: try await Tool.output("fpcalc", ["-raw", "-json", "-length", "0", path], accepting: [0, 3]))
  }

  /// Transforms shift by up to 3.3 s, replacements by at least 6.
  func agreement(in place: ChromaprintFingerprint, from start: Double, to end: Double) -> Double? {
    agreement(with: place, from: start, to: end, maxOffset: ClipJudge.reach)
  }
}
