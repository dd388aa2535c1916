import AudioPrint
import Foundation

/// Writes what a command made to the place that was named.
enum FileOutput {
  /// Writes into what is there already: through a link, into a device or a pipe; a file keeps its mode. What is not there becomes a file.
  ///
  /// - Throws: `AudioError` if it cannot be opened, or not be written whole.
  static func write(_ data: Data, to path: String, what: String) throws {
    // Without this a pipe whose reader goes away would end the process before it could say so.
    signal(SIGPIPE, SIG_IGN)
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw failure(what, path) }
    defer { close(file) }
    var rest = data[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure(what, path) }
      rest = rest.dropFirst(count)
    }
  }

  private static func failure(_ what: String, _ path: String) -> AudioError {
    AudioError(.decodingFailed, "\(what) cannot be written to \(path): \(String(cString: strerror(errno)))")
  }
}
