import Foundation
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file that whoever reads it waits for: it stops compose in the middle of checking its files.
struct FileGate: Sendable {
  let path: String

  init(in folder: URL) throws {
    path = folder.appending(path: "gate.yml").path()
    try #require(mkfifo(path, 0o600) == 0)
  }

  /// Runs `body` as soon as somebody has opened the file for reading; the reader sees its end after that.
  func whenRead(_ body: () async throws -> Void) async throws {
    var descriptor: Int32 = -1
    let isRead = await EngineFixture.eventually {
      // Without O_NONBLOCK this would wait here; with it, it fails until there is a reader.
      descriptor = open(path, O_WRONLY | O_NONBLOCK)
      return descriptor >= 0
    }
    try #require(isRead, "nobody opened \(path)")
    defer { close(descriptor) }
    try await body()
  }
}
