import Foundation

/// Follows the logs of several containers, over their restarts, until all of them have ended.
struct LogFollower: Sendable {
  let running: RunningProject
  let records: [ContainerRecord]
  let tail: Int?
  let since: String?
  /// Whether containers that keep no log are passed over; else they are an error.
  let skipsUnreadable: Bool

  /// How long a container that has ended may take to be started again: a restart stops and starts it within some hundred milliseconds.
  static let grace = Duration.seconds(1)

  private typealias Input = AsyncThrowingStream<Signal, any Error>.Continuation
  private typealias Handler = @Sendable (LogLine) async throws -> Void

  private enum Signal: Sendable {
    case started(String)
    /// The stream of a container's log has ended at a line: with the container as it was then, nil if it is gone.
    case ended(String, ContainerRecord?, LogStamp?)
    /// It keeps no log.
    case unreadable(String)
    /// Events may have been missed; or nothing may have been read for a while since so many readings.
    case look(readings: Int?)
  }

  private struct Followed: Sendable {
    var record: ContainerRecord
    var position: LogStamp?
    var isRead = false
    var readings = 0
    /// Whether the engine is going to start it again.
    var isRestarting = false
    var isOver: Bool { !isRead && !isRestarting }
  }

  /// Hands over lines until every container has ended; what runs again within a second has not.
  ///
  /// - Throws: what `handle` throws; ``ComposeError`` `noLog`, `engineUnavailable`.
  func follow(_ handle: @escaping @Sendable (LogLine) async throws -> Void) async throws {
    guard !records.isEmpty else { return }
    var followed = Dictionary(uniqueKeysWithValues: records.map { ($0.id, Followed(record: $0)) })
    let attached = await running.engine.time(of: .now).engineTime
    // What had ended before is not waited for.
    let isAwaited = records.contains { $0.status.state != .exited }
    let (signals, input) = AsyncThrowingStream<Signal, any Error>.makeStream()
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      if isAwaited { group.addTask { await listen(since: running.engine.isRemote ? nil : attached, into: input) } }
      for id in followed.keys.sorted() { input.yield(.started(id)) }
      var readings = 0
      for try await signal in signals {
        switch signal {
        case .started(let id):
          guard var state = followed[id], !state.isRead else { continue }
          state.isRead = true
          state.isRestarting = false
          state.readings += 1
          readings += 1
          followed[id] = state
          let reading = state
          group.addTask { await read(reading, attached: attached, into: input, handle) }
        case .ended(let id, let record, let position):
          guard var state = followed[id] else { continue }
          state.isRead = false
          state.record = record ?? state.record
          state.position = position ?? state.position
          state.isRestarting = record?.status.state == .restarting
          followed[id] = state
          // Started again already, or only the connection to the engine was closed.
          if [.running, .paused].contains(record?.status.state) { input.yield(.started(id)) }
        case .unreadable(let id):
          followed[id] = nil
          if followed.isEmpty { return }
        case .look(let expected):
          for record in try await running.inspect(ids: followed.filter { !$0.value.isRead }.keys.sorted())
          where record.status.state == .running {
            followed[record.id]?.record = record
            input.yield(.started(record.id))
            // Not yet counted as being read.
            readings += 1
          }
          if expected == readings, followed.values.allSatisfy(\.isOver) { return }
        }
        if case .look = signal { continue }
        if case .ended(_, let record?, _) = signal, [.running, .paused].contains(record.status.state) { continue }
        guard followed.values.allSatisfy(\.isOver) else { continue }
        if !isAwaited { return }
        let reached = readings
        group.addTask {
          try await Task.sleep(for: Self.grace)
          input.yield(.look(readings: reached))
        }
      }
    }
  }

  private func read(_ state: Followed, attached: String, into input: Input, _ handle: @escaping Handler) async {
    let record = state.record
    let began = ContinuousClock.now
    do {
      let log = ContainerLog(running: running, record: record)
      // Nothing has been printed since it was attached to, if it is read again and no line has come.
      let isFirst = state.readings == 1 || tail == nil
      let position = try await log.follow(
        tail: isFirst ? tail : nil, since: isFirst ? since : attached, after: state.position
      ) { text in
        try await handle(LogLine(service: record.service, replica: record.replica, text: text))
      }
      let now = try await running.inspect(ids: [record.id]).first
      // A connection that is closed at once is not asked for without a pause.
      if ContinuousClock.now - began < .milliseconds(250), now?.status.state == .running {
        try await Task.sleep(for: .milliseconds(250))
      }
      input.yield(.ended(record.id, now, position))
    } catch let error as ComposeError where error.code == .noLog && skipsUnreadable {
      input.yield(.unreadable(record.id))
    } catch {
      input.finish(throwing: error)
    }
  }

  private func listen(since: String?, into input: Input) async {
    let events = EngineEvents(
      running: running, since: since, occasion: "the logs of \(running.project.name) were followed")
    do {
      try await events.listen {
        if $0.kind == .start { input.yield(.started($0.containerID)) }
      } relistened: {
        input.yield(.look(readings: nil))
      }
    } catch {
      input.finish(throwing: error)
    }
  }
}
