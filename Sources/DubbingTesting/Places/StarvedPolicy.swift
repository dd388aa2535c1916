import Foundation

/// What becomes of a stream that ran on a starved machine.
enum StarvedPolicy: String, CaseIterable {
  /// A red check says so.
  case warn
  /// Even a green stream fails: for machines that are measured with.
  case fail
  /// A red stream is run again once, alone, and the report says so.
  case retry

  /// What `E2E_STARVED` says; a word that it does not know is nil.
  static func named(_ text: String?) -> StarvedPolicy? {
    guard let text, !text.isEmpty else { return .warn }
    return StarvedPolicy(rawValue: text)
  }

  /// - Throws: ``DubbingError`` for a word that is none of these.
  static func chosen(in environment: [String: String] = ProcessInfo.processInfo.environment) throws -> StarvedPolicy {
    let text = environment["E2E_STARVED"]
    if let policy = named(text) { return policy }
    throw DubbingError(
      .badValue, "E2E_STARVED=\(text ?? "") is not known",
      next: "say \(allCases.map(\.rawValue).joined(separator: ", "))")
  }

  /// Whether such a stream is run again: not under a fault that befalls services, which are not what they were.
  func repeats(red isRed: Bool, _ starvation: Starvation, under fault: StreamFault?) -> Bool {
    self == .retry && isRed && starvation.isStarved && fault?.services == nil
  }
}
