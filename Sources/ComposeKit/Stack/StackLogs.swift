import Foundation

/// One line that a container printed.
public struct LogLine: Sendable, Hashable {
  /// The service's name in its compose files.
  public var service: String
  /// Which container of the service, from 1.
  public var replica: Int
  /// The line without its end.
  public var text: String

  /// A line of a service's container.
  package init(service: String, replica: Int, text: String) {
    self.service = service
    self.replica = replica
    self.text = text
  }
}

/// Lines of containers as they are printed, valid inside the closure of ``ComposeStack/withLogs(service:tail:since:isolation:_:)``.
///
/// The lines of one container are in order; those of several come as they arrive. A line ends at a line feed and nowhere else. It ends
/// when all of the containers have ended, and none has been started again within a second; one that is started again while others run
/// is followed on.
public struct LogLines: AsyncSequence, Sendable {
  public typealias Element = LogLine
  public typealias Failure = any Error
  let stream: AsyncThrowingStream<LogLine, any Error>

  public func makeAsyncIterator() -> AsyncThrowingStream<LogLine, any Error>.Iterator { stream.makeAsyncIterator() }

  /// The most lines that wait to be read; beyond them the sequence throws, and nothing is dropped unseen.
  static let capacity = 100_000
}

extension ComposeStack {
  /// The log so far: the lines of one container after those of the other, each with the container's name before it.
  ///
  /// A line ends at a line feed and nowhere else, and is the container's own: "web-1  | listening".
  ///
  /// - Parameters:
  ///   - service: only this service; all if nil, without those that keep no log.
  ///   - tail: only the last lines of each container.
  ///   - since: only what was printed after this time.
  ///   - timestamps: whether each line begins with the engine's time.
  /// - Throws: ``ComposeError``: `unknownService`; `noLog` if the service keeps none that can be read.
  public func logs(service: String? = nil, tail: Int? = nil, since: Date? = nil, timestamps: Bool = false) async throws
    -> String
  {
    if let service { try requireKnown(service) }
    let records = try await running.inspect(service: service)
    let since = if let since { await engine.time(of: since).engineTime } else { String?.none }
    let width = records.map { "\($0.service)-\($0.replica)".count }.max() ?? 0
    var text = ""
    for record in records {
      let name = "\(record.service)-\(record.replica)".padded(to: width) + "  | "
      do {
        let lines = try await ContainerLog(running: running, record: record)
          .lines(tail: tail, since: since, timestamps: timestamps)
        for line in lines { text += name + line + "\n" }
      } catch let error as ComposeError where error.code == .noLog && service == nil {
        continue
      }
    }
    return text
  }

  /// Follows the logs while `body` runs, over restarts of the containers; the processes that read them have ended when this returns.
  ///
  /// - Parameters:
  ///   - service: only this service; all if nil, without those that keep no log. A container that is created later is not followed.
  ///   - tail: how many earlier lines of each container come first; all if nil.
  ///   - since: only what was printed after this time.
  ///   - isolation: the actor on which `body` runs: the caller's.
  ///   - body: gets the lines as they are printed.
  /// - Throws: what `body` throws; ``ComposeError`` `unknownService`. The sequence itself throws if more than 100 000 lines wait, and
  ///   ``ComposeError`` `noLog` if the service keeps none that can be read.
  public func withLogs<R: Sendable>(
    service: String? = nil, tail: Int? = nil, since: Date? = nil, isolation: isolated (any Actor)? = #isolation,
    _ body: (LogLines) async throws -> R
  ) async throws -> R {
    if let service { try requireKnown(service) }
    let since = if let since { await engine.time(of: since).engineTime } else { String?.none }
    let follower = LogFollower(
      running: running, records: try await running.inspect(service: service), tail: tail, since: since,
      skipsUnreadable: service == nil)
    let (stream, input) = AsyncThrowingStream<LogLine, any Error>.makeStream(
      bufferingPolicy: .bufferingOldest(LogLines.capacity))
    let projectName = projectName
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        do {
          try await follower.follow { line in
            if case .dropped = input.yield(line) {
              throw ComposeError(
                .commandFailed, "\(LogLines.capacity) log lines of \(projectName) wait to be read",
                service: line.service,
                project: projectName, next: "read the sequence faster, or follow fewer services")
            }
          }
          input.finish()
        } catch {
          input.finish(throwing: error)
        }
      }
      defer { group.cancelAll() }
      return try await body(LogLines(stream: stream))
    }
  }

  /// Everything that one container has printed.
  func containerLog(of service: String, replica: Int) async throws -> String {
    let record = try await container(of: service, replica: replica)
    return try await ContainerLog(running: running, record: record).lines().joined(separator: "\n")
  }

  /// Copies a file or folder out of a service's container, which may have ended.
  ///
  /// - Parameters:
  ///   - path: an absolute path in the container.
  ///   - service: its name in the compose file.
  ///   - destination: the file or folder to make; its parent must exist. An existing folder gets the copy inside.
  ///   - replica: which container of a scaled service, from 1.
  /// - Throws: ``ComposeError``: `unknownService`, `notRunning` without a container, `commandFailed` quoting the engine.
  public func copy(_ path: String, from service: String, to destination: String, replica: Int = 1) async throws {
    let record = try await container(of: service, replica: replica)
    // A destination of "-" means standard output, and a colon a container; an absolute path is neither.
    let local = URL(fileURLWithPath: destination).path
    try await running.onEngine(["cp", "\(record.id):\(path)", local], deadline: .seconds(300))
      .runChecked(.commandFailed, "\(path) of \(service) could not be copied to \(destination)")
  }
}

extension Date {
  /// In the engine's form with fractions of a second: RFC 3339.
  var engineTime: String {
    formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted))
  }
}
