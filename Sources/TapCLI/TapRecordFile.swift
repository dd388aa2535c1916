import Foundation
import SocketIOLite
import Synchronization

/// A file of tap records, one JSON line each, complete after every `write`.
final class TapRecordFile: Sendable {
  // Records may come from several tasks; a line must not be cut by another.
  private let file: Mutex<FileHandle>
  private let limit: Int?
  private let showsSecrets: Bool

  /// Creates or empties the file. `limit` and `showingSecrets` as in `TapRecord.jsonLine`. Throws `tapFailed` if it cannot be written.
  init(path: String, shorteningTo limit: Int?, showingSecrets: Bool) throws {
    guard FileManager.default.createFile(atPath: path, contents: nil), let handle = FileHandle(forWritingAtPath: path)
    else {
      throw SocketIOError(
        .tapFailed, "cannot write records to \(path)", next: "does its folder exist, and may you write there?")
    }
    file = Mutex(handle)
    self.limit = limit
    showsSecrets = showingSecrets
  }

  deinit { file.withLock { try? $0.close() } }

  /// Appends one record; throws what the file system says.
  func write(_ record: TapRecord) throws {
    let line = Data((record.jsonLine(shorteningTo: limit, showingSecrets: showsSecrets) + "\n").utf8)
    try file.withLock { try $0.write(contentsOf: line) }
  }

  /// Appends many records.
  func write(_ records: [TapRecord]) throws {
    for record in records { try write(record) }
  }
}
