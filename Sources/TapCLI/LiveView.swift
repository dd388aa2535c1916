import ArgumentParser
// A source may be cancelled from any thread; Linux's Dispatch does not say so.
@preconcurrency import Dispatch
import Foundation
import SocketIOLite
import Synchronization

/// Which records are shown while they go by; the file gets all of them.
package struct ShownRecords: ParsableArguments {
  @Option(
    help: "Show only events whose name contains this; may be given several times.")
  var event: [String] = []

  @Option(help: "Leave out events whose name contains this; may be given several times.")
  var without: [String] = []

  @Option(help: ArgumentHelp("Show only what this side said.", valueName: "client|server"))
  var from: Side?

  @Option(help: "Show only what was said in this namespace.")
  var namespace: String?

  package init() {}

  enum Side: String, ExpressibleByArgument, CaseIterable {
    case client, server
  }

  package func contains(_ record: TapRecord) -> Bool {
    let name = record.event.name
    return (event.isEmpty || event.contains { name.contains($0) }) && !without.contains { name.contains($0) }
      && (from.map { $0 == (record.direction == .toServer ? .client : .server) } ?? true)
      && (namespace.map { $0 == record.event.namespace } ?? true)
  }
}

/// What a person has typed while records go by: only lines that contain it are shown, from then on.
package final class TypedFilter: Sendable {
  // Typed in one task, asked in another.
  private let word = Mutex("")

  package init() {}

  /// Narrows the view to lines with `text` in them, in capitals or not; an empty one shows everything again.
  package func narrow(to text: String) { word.withLock { $0 = text.trimmingCharacters(in: .whitespaces) } }

  package func shows(_ line: String) -> Bool {
    let word = word.withLock { $0 }
    return word.isEmpty || line.range(of: word, options: .caseInsensitive) != nil
  }
}

/// The lines that a person types into the terminal; where standard input is none, there are none.
enum Typed {
  /// It ends with the task that reads it, and not before: a script's input is not this command's.
  static func lines() -> AsyncStream<String> {
    AsyncStream { continuation in
      guard isatty(STDIN_FILENO) == 1 else { return }
      let source = DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO)
      source.setEventHandler {
        // Behind `&` the terminal is the shell's: who reads it then is stopped.
        guard tcgetpgrp(STDIN_FILENO) == getpgrp() else { return source.cancel() }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(STDIN_FILENO, &bytes, bytes.count)
        // Ctrl-D ends the typing, not the command.
        guard count > 0 else { return source.cancel() }
        // A terminal hands over a line at a time.
        continuation.yield(String(decoding: bytes.prefix(count), as: UTF8.self).trimmingCharacters(in: .newlines))
      }
      continuation.onTermination = { _ in source.cancel() }
      source.resume()
    }
  }
}
