import Foundation

/// The log of one container, as the engine keeps it.
struct ContainerLog: Sendable {
  let running: RunningProject
  let record: ContainerRecord

  /// The lines so far, whole: split at line feeds, with nothing of docker's or compose's among them.
  ///
  /// - Throws: ``ComposeError``: `noLog` if the container keeps none that can be read.
  func lines(tail: Int? = nil, since: String? = nil, timestamps: Bool = false) async throws -> [String] {
    let collected = Collector()
    var command = reading(tail: tail, since: since, timestamps: timestamps)
    command.deadline = .seconds(60)
    let end = try await command.stream(deadline: command.deadline) { try await collected.add($0) }
    let (lines, last) = (await collected.lines, end.unfinished)
    guard end.status.isSuccess else { throw failure(command, last.map { [$0] } ?? [], lines) }
    return (lines + (last.map { [$0] } ?? [])).map { line in
      guard timestamps, let (stamp, text) = LogStamp.split(line) else { return String(decoding: line, as: UTF8.self) }
      return stamp.text + " " + String(decoding: text, as: UTF8.self)
    }
  }

  /// Hands over lines as they are printed, until the container ends or the connection does.
  ///
  /// - Parameter position: nil at first; then where the last call has ended, so that no line comes twice.
  func follow(
    tail: Int?, since: String?, after position: LogStamp?, _ handle: @escaping @Sendable (String) async throws -> Void
  ) async throws -> LogStamp? {
    var command =
      position.map { reading(tail: nil, since: $0.next, timestamps: true) }
      ?? reading(tail: tail, since: since, timestamps: true)
    command.arguments.insert("--follow", at: 1)
    command.patience = .zero
    let cursor = Cursor(position)
    let end = try await command.stream { line in
      if let text = await cursor.take(line) { try await handle(text) }
    }
    try Task.checkCancellation()
    let strays = await cursor.strays
    guard end.status.isSuccess || !Self.isUnreadable(strays + [end.unfinished ?? []]) else {
      throw failure(command, strays, [])
    }
    if let rest = end.unfinished, await isOver(), let text = await cursor.take(rest) { try await handle(text) }
    return await cursor.position
  }

  /// Whether the container has ended: only then is a line without its end all there is of it.
  private func isOver() async -> Bool {
    guard let record = try? await running.inspect(ids: [record.id]).first else { return true }
    return record.status.state != .running || record.state?.startedAt != self.record.state?.startedAt
  }

  private func reading(tail: Int?, since: String?, timestamps: Bool) -> Command {
    var arguments = ["logs"]
    if timestamps { arguments.append("--timestamps") }
    if let tail { arguments += ["--tail", "\(max(0, tail))"] }
    if let since { arguments += ["--since", since] }
    var command = running.onEngine(arguments + [record.id])
    command.mergesError = true
    return command
  }

  private static func isUnreadable(_ lines: [[UInt8]]) -> Bool {
    lines.contains { EngineRefusal.saysLogIsUnreadable(String(decoding: $0.prefix(4096), as: UTF8.self)) }
  }

  private func failure(_ command: Command, _ last: [[UInt8]], _ lines: [[UInt8]]) -> ComposeError {
    let said = lines.suffix(5) + last
    let text = said.map { String(decoding: $0.prefix(4096), as: UTF8.self) }.joined(separator: "\n")
    let service = record.service
    if Self.isUnreadable(Array(said)) {
      return ComposeError(
        .noLog, "\(service) of \(running.project.name) keeps no log: its logging driver cannot be read",
        service: service, project: running.projectName, command: command.line,
        next: "let its logging driver be json-file or local (it is none, or sends the log elsewhere)")
    }
    var error = command.failure(Command.Output(exitCode: 1, standardOutput: text, standardError: ""))
    error.service = service
    error.project = running.projectName
    return error
  }

  private actor Collector {
    private(set) var lines: [[UInt8]] = []
    private var bytes = 0

    func add(_ line: [UInt8]) throws {
      bytes += line.count
      guard bytes <= Command.outputLimit else {
        throw ComposeError(
          .commandFailed, "the log is larger than \(Command.outputLimit) bytes", next: "ask for its last lines: tail")
      }
      lines.append(line)
    }
  }

  private actor Cursor {
    private(set) var position: LogStamp?
    /// Lines that docker printed itself.
    private(set) var strays: [[UInt8]] = []

    init(_ position: LogStamp?) { self.position = position }

    func take(_ line: [UInt8]) -> String? {
      guard let (stamp, text) = LogStamp.split(line) else {
        if strays.count < 20 { strays.append(line) }
        return nil
      }
      position = stamp
      return String(decoding: text, as: UTF8.self)
    }
  }
}
