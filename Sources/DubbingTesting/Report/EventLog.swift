import Foundation
import SocketIOLite

/// Writes what the tap recorded as JSON Lines, payloads in full.
enum EventLog {
  static func write(_ records: [TapRecord], to file: URL) throws {
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    let lines = records.map { $0.jsonLine(shorteningTo: nil) + "\n" }.joined()
    try Data(lines.utf8).write(to: file, options: .atomic)
  }
}
