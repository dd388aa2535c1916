import Foundation

/// What a benchmark process says, one JSON object a line on standard output, for `bench.py` to read.
public enum Report {
  public static func line(_ values: [String: Double], event: String? = nil) throws {
    var object: [String: any Sendable] = values
    if let event { object["event"] = event }
    var line = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
    line.append(UInt8(ascii: "\n"))
    try FileHandle.standardOutput.write(contentsOf: line)
  }

  /// Seconds since 1970, the clock that the engine's events are stamped with.
  public static var wallClock: Double { Date().timeIntervalSince1970 }

  /// Runs a process's work; an error becomes one line and exit code 2, not a crash with a trace.
  public static func running(_ work: @Sendable () async throws -> Void) async {
    do {
      try await work()
    } catch {
      FileHandle.standardError.write(Data("error: \(error)\n".utf8))
      exit(2)
    }
  }

  /// Ends with 64 and the usage.
  public static func usage(_ text: String) -> Never {
    FileHandle.standardError.write(Data("usage: \(text)\n".utf8))
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
