import ComposeTesting
import Foundation
import SocketIOLite
import Testing

private let wait: Duration = .seconds(60)

/// python-socketio under the web servers that people run it with, by each way of transports: a cell for each case.
///
/// Each run writes what it saw to `.build/socketio-servers`; `make interop` runs all and makes docs/socketio-servers.md of it.
@Suite("Every case under every Python web server", .kind(.programs), .inTurn, .serialized)
struct ServerMatrixTests {
  enum Server: String, CaseIterable, Sendable { case aiohttp, uvicorn, hypercorn, tornado, werkzeug, gevent, eventlet }

  enum Way: String, CaseIterable, Sendable {
    case polling, webSocket, upgrade
    var transports: [SocketIOTransport] {
      switch self {
      case .polling: [.polling]
      case .webSocket: [.webSocket]
      case .upgrade: [.polling, .webSocket]
      }
    }
  }

  /// What a cell is about; the raw value heads the table's row.
  enum Case: String, CaseIterable, Sendable {
    case answers = "20 questions and answers"
    case early = "event, attachment and question before the answer to CONNECT"
    case farewell = "the server sees that this side left"
    case query = "plus and semicolon in the query"
    case host = "Host header of one's own"
    case oddText = "cut text and NaN"
    case binary = "binary both ways, 300 kB from the server"
    case many = "48 events of 60 kB at once"
    case tooLong = "an event over maxPayload is refused, the connection stays"
    case leaving = "leaving during a slow join"
  }

  struct Cell: Codable, Sendable {
    var server: String
    var python: String
    var way: String
    var row: String
    /// Nil if all was well.
    var failure: String?
  }

  struct Wrong: Error, CustomStringConvertible { var description: String }

  /// All of them with SOCKETIO_SERVERS=all, as in `make interop`; else those that once behaved otherwise than aiohttp.
  static let combinations: [(Server, Peer.Python)] = {
    guard ProcessInfo.processInfo.environment["SOCKETIO_SERVERS"] == "all" else {
      return [(.werkzeug, .newest), (.uvicorn, .newest), (.gevent, .debian)]
    }
    return Peer.Python.allCases.flatMap { python in Server.allCases.map { ($0, python) } }
  }()

  /// Debian 12 has no simple-websocket, without which Werkzeug has no WebSockets, and its python-engineio does not tell maxPayload.
  static func isThere(_ server: Server, _ python: Peer.Python, _ way: Way, _ row: Case) -> Bool {
    python == .newest || !(server == .werkzeug && way == .webSocket || row == .tooLong)
  }

  @Test("Every case, by every way", arguments: combinations)
  func matrix(server: Server, python: Peer.Python) async throws {
    let cells = try await Peer.run("servers.py", [server.rawValue], python: python) { port in
      try await withThrowingTaskGroup(of: Cell.self) { group in
        for way in Way.allCases {
          for row in Case.allCases where Self.isThere(server, python, way, row) {
            group.addTask {
              let probe = ServerProbe(url: "http://127.0.0.1:\(port)", way: way, python: python)
              var cell = Cell(
                server: server.rawValue, python: "\(python)", way: way.rawValue, row: row.rawValue, failure: nil)
              do {
                try await probe.run(row)
              } catch {
                cell.failure = "\(error)"
              }
              return cell
            }
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
    }
    for cell in cells where cell.failure != nil {
      Issue.record("\(cell.server) (\(cell.python)) by \(cell.way), \(cell.row): \(cell.failure ?? "")")
    }
    let folder = Peer.build.appending(path: "socketio-servers")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try JSONEncoder().encode(cells).write(to: folder.appending(path: "\(server)-\(python).json"))
  }
}

/// One client for one cell.
private struct ServerProbe: Sendable {
  var url: String
  var way: ServerMatrixTests.Way
  var python: Peer.Python

  private func client(_ query: String = "", _ change: (inout SocketIOConfiguration) -> Void = { _ in })
    -> SocketIOClient
  {
    var configuration = SocketIOConfiguration.patient(reconnection: nil, transports: way.transports)
    change(&configuration)
    return SocketIOClient(url: url + query, configuration: configuration)
  }

  private func check(_ isSo: Bool, _ what: @autoclosure () -> String) throws {
    guard isSo else { throw ServerMatrixTests.Wrong(description: what()) }
  }

  func run(_ row: ServerMatrixTests.Case) async throws {
    switch row {
    case .answers: try await answers()
    case .early: try await early()
    case .farewell: try await farewell()
    case .query, .host: try await handshake()
    case .oddText: try await oddText()
    case .binary: try await binary()
    case .many: try await many()
    case .tooLong: try await tooLong()
    case .leaving: try await leaving()
    }
  }

  private func answers() async throws {
    try await client().withConnection { client in
      for number in 0..<20 {
        let answer = try await client.emitWithAck("echo", number).decode(Int.self)
        try check(answer == number, "\(number) was answered by \(answer)")
      }
    }
  }

  private func early() async throws {
    let client = client("?early=1")
    let all = client.allEvents()
    try await client.withConnection { client in
      let early = try await all.next(timeout: wait)
      try check(early.name == "early" && early.attachments == [[0, 1]], "\(early) came instead of the early event")
      let question = try await all.next(timeout: wait)
      try await client.acknowledge(question, 7)
      let answered = try await all.next(timeout: wait)
      try check(try answered.name == "answered" && answered.decode(Int.self) == 7, "\(answered) came for the answer")
    }
  }

  private func farewell() async throws {
    let watcher = client()
    try await watcher.withConnection { watcher in
      var reason: String?
      // A farewell has one second: a server that got no core in that time sees a lost line instead.
      let end = ContinuousClock.now + wait
      while reason == nil, .now < end {
        let key = UUID().uuidString
        try await client("?key=\(key)").withConnection { _ = try $0.emitVolatile("echo", 1) }
        // Well before a lost line would be noticed, by the ping that is not answered.
        try? await eventually("the server sees it go", within: .seconds(5)) {
          let answer = try await watcher.emitWithAck("ended", key)
          reason = try answer.argumentCount() > 0 ? answer.decode(String.self) : nil
          return reason != nil
        }
      }
      try check(
        reason == "client disconnect" || python == .debian && reason != nil, "the server saw: \(reason ?? "nothing")")
    }
  }

  private func handshake() async throws {
    struct Who: Decodable { var token: String?, host: String? }
    let client = client {
      $0.query = [("token", "a+b;c d")]
      $0.extraHeaders = [("Host", "sts.example")]
    }
    let who = try await client.withConnection { try await $0.emitWithAck("whoami").decode(Who.self) }
    try check(who.token == "a+b;c d", "the token arrived as \(who.token ?? "nothing")")
    try check(who.host == "sts.example", "the host arrived as \(who.host ?? "nothing")")
  }

  private func oddText() async throws {
    let client = client()
    let all = client.allEvents()
    let events = try await client.withConnection { client in
      try await client.emit("odd")
      return try await all.collect(3, timeout: wait)
    }
    try check(events.map(\.name) == ["cut", "nan", "after"], "\(events) came")
    let text = try events[0].decode(String.self)
    try check(text == "end \u{FFFD}", "the cut text arrived as \(text)")
  }

  private func binary() async throws {
    let client = client()
    let large = client.events(named: "large")
    try await client.withConnection { client in
      let answer = try await client.emitWithAck("echo", ["k": Data([0, 255])], Data(count: 40_000))
      try check(try answer.decode([String: Data].self) == ["k": Data([0, 255])], "\(answer)")
      try check(try answer.decode(Data.self, at: 1) == Data(count: 40_000), "\(answer)")
      try await client.emit("large", 300_000)
      let event = try await large.next(timeout: wait)
      try check(event.byteCount == 600_034, "\(event.byteCount) bytes came")
    }
  }

  private func many() async throws {
    let key = UUID().uuidString
    let text = String(repeating: "x", count: 60_000)
    try await client().withConnection { client in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<48 { group.addTask { try await client.emit("note", key, text) } }
        try await group.waitForAll()
      }
      let notes = try await client.emitWithAck("notes", key).decode([Int].self)
      try check(notes == Array(repeating: 60_000, count: 48), "\(notes.count) of 48 arrived")
    }
  }

  private func tooLong() async throws {
    try await client().withConnection { client in
      do {
        try await client.emit("echo", String(repeating: "x", count: 1_000_000))
        throw ServerMatrixTests.Wrong(description: "it was sent")
      } catch let error as SocketIOError where error.code == .limitExceeded {}
      let answer = try await client.emitWithAck("echo", 1).decode(Int.self)
      try check(answer == 1, "\(answer) came")
    }
  }

  private func leaving() async throws {
    let key = UUID().uuidString
    let client = client("?key=\(key)")
    let slow = client.namespace("/slow")
    try await client.withConnection { client in
      let joining = Task { try await client.join(slow) }
      try await eventually("it is being joined") { slow.state == .connecting }
      client.leave(slow)
      // The server takes its time until somebody else lets it go on.
      _ = try await self.client().withConnection { try await $0.emitWithAck("release", key) }
      if case .success = await joining.result { throw ServerMatrixTests.Wrong(description: "it was joined") }
      let answer = try await client.emitWithAck("echo", 1).decode(Int.self)
      try check(answer == 1 && !slow.isConnected, "the connection is not what it was")
    }
  }
}
