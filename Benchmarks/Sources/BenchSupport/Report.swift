// Not all of Foundation: its tables are six megabytes in the memory of whoever is measured.
#if canImport(FoundationEssentials)
  import FoundationEssentials
  import Glibc
#else
  import Foundation
#endif

/// What a benchmark process says, one JSON object a line on standard output, for `bench.py` to read.
public enum Report {
  public static func line(_ values: [String: Double], event: String? = nil) throws {
    var fields = values.mapValues { Field.number($0) }
    if let event { fields["event"] = .text(event) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    put(String(decoding: try encoder.encode(fields), as: UTF8.self) + "\n", to: STDOUT_FILENO)
  }

  private enum Field: Encodable {
    case number(Double)
    case text(String)

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .number(let number): try container.encode(number)
      case .text(let text): try container.encode(text)
      }
    }
  }

  /// Writes at once, also where the output is a pipe.
  private static func put(_ text: String, to file: CInt) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
      guard written > 0 else { return }
      rest = rest.dropFirst(written)
    }
  }

  /// Seconds since 1970, the clock that the engine's events are stamped with.
  public static var wallClock: Double { Date().timeIntervalSince1970 }

  /// Runs a process's work; an error becomes one line and exit code 2, not a crash with a trace.
  public static func running(_ work: @Sendable () async throws -> Void) async {
    do {
      try await work()
    } catch {
      put("error: \(error)\n", to: STDERR_FILENO)
      exit(2)
    }
  }

  /// Ends with 64 and the usage.
  public static func usage(_ text: String) -> Never {
    put("usage: \(text)\n", to: STDERR_FILENO)
    exit(64)
  }
}

/// The value that a share of all measured ones does not exceed; 0.5 is the median.
public func percentile(_ values: [Double], _ share: Double) -> Double {
  let sorted = values.sorted()
  return sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
}

extension Duration {
  public var milliseconds: Double { Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15 }
}
