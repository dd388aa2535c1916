import ComposeTesting
import Foundation
import NIOCore
import NIOPosix
import SocketIOLite
import Subprocess
import Testing

/// The outpost runs as a process of this machine: what its container is made of is the same program.
@Suite("A tap's outpost", .kind(.programs), .peer("server.py"), .timeLimit(.minutes(2)))
struct TapOutpostTests {
  private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>
  private static let token = TapOutpost.newToken()

  /// Runs an outpost, and ends it after `body`, which gets it, the port for clients, and what ends it before.
  private static func with<R: Sendable>(
    clients: Int = 0, tap: Int = 0,
    _ body: @escaping @Sendable (TapOutpost, _ clients: Int, _ end: @escaping @Sendable () -> Void) async throws -> R
  ) async throws -> R {
    let variables: [Environment.Key: String] = [
      .init(stringLiteral: TapOutpost.tokenVariable): token,
      .init(stringLiteral: TapOutpost.clientsVariable): "\(clients)",
      .init(stringLiteral: TapOutpost.tapVariable): "\(tap)",
    ]
    return try await Subprocess.run(
      .name("perl"), arguments: ["-e", TapOutpost.program], environment: .inherit.updating(variables), input: .none,
      output: .sequence, error: .discarded
    ) { execution in
      defer { try? execution.send(signal: .terminate) }
      var lines = execution.standardOutput.strings().makeAsyncIterator()
      let said = try #require(try await lines.next(), "there is no outpost")
      let ports = said.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
      try #require(ports.count == 2, "\(said)")
      return try await body(TapOutpost(host: "127.0.0.1", port: ports[1], token: token), ports[0]) {
        try? execution.send(signal: .terminate)
      }
    }.closureResult
  }

  private static func connect(_ port: Int) async throws -> Connection {
    try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try Connection(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
      }
  }

  /// A server that reads until the end, and then says how many bytes that were.
  private static func withCounter<R: Sendable>(_ body: @escaping @Sendable (_ port: Int) async throws -> R) async throws
    -> R
  {
    let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .bind(host: "127.0.0.1", port: 0) { channel in
        channel.eventLoop.makeCompletedFuture {
          try Connection(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
      }
    return try await server.executeThenClose { connections in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          await withDiscardingTaskGroup { group in
            do {
              for try await connection in connections {
                group.addTask {
                  try? await connection.executeThenClose { input, output in
                    var count = 0
                    for try await bytes in input { count += bytes.readableBytes }
                    try await output.write(ByteBuffer(string: "\(count)"))
                  }
                }
              }
            } catch {}
          }
        }
        defer { group.cancelAll() }
        return try await body(try #require(server.channel.localAddress?.port))
      }
    }
  }

  /// Sends so many bytes, ends that direction, and gives what the server said then.
  private static func count(_ bytes: Int, at port: Int) async throws -> String {
    try await connect(port).executeThenClose { input, output in
      var left = bytes
      while left > 0 {
        let size = min(left, 100_000)
        try await output.write(ByteBuffer(repeating: 7, count: size))
        left -= size
      }
      output.finish()
      var said = ""
      for try await bytes in input { said += String(buffer: bytes) }
      return said
    }
  }

  @Test("What clients of the outpost say reaches the tap and its upstream, and is recorded as ever")
  func recorded() async throws {
    let upstream = Peer.url
    try await Self.with { outpost, clients, _ in
      try await SocketIOTap.withTap(upstream: upstream) { tap in
        try await outpost.connecting(to: tap.port, within: .seconds(30)) {
          let sound = Data(repeating: 1, count: 300_000)
          // More at once than connections wait for them.
          try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
              group.addTask {
                let client = SocketIOClient(
                  url: "http://127.0.0.1:\(clients)", configuration: .patient(reconnection: nil))
                try await client.connect()
                let answer = try await client.emitWithAck("echo", ["\(number)": sound])
                #expect(try answer.decode([String: Data].self) == ["\(number)": sound])
                await client.disconnect()
              }
            }
            try await group.waitForAll()
          }
          let echoed = tap.records().filter { $0.kind == .event && $0.event.name == "echo" }
          #expect(echoed.count == 20 && tap.anomalies().isEmpty && tap.refusedPeers().isEmpty)
        }
      }
    }
  }

  @Test("Each direction ends by itself, and nothing is lost on the way", arguments: [0, 5_000_000])
  func halfClosed(bytes: Int) async throws {
    try await Self.with { outpost, clients, _ in
      try await Self.withCounter { server in
        try await outpost.connecting(to: server, within: .seconds(30)) {
          for _ in 0..<10 {
            let said = try await Self.count(bytes, at: clients)
            #expect(said == "\(bytes)")
          }
        }
      }
    }
  }

  @Test("Who does not have the token gets no client, and is turned away")
  func stranger() async throws {
    try await Self.with { outpost, clients, _ in
      try await Self.withCounter { server in
        for said in [
          String(repeating: "x", count: Self.token.count) + "\n", "GET / HTTP/1.1\r\n\r\n" + Self.token + "\n",
        ] {
          try await Self.connect(outpost.port).executeThenClose { input, output in
            try await output.write(ByteBuffer(string: said))
            var got = 0
            // A connection that is closed with something unread ends with an error.
            do { for try await bytes in input { got += bytes.readableBytes } } catch {}
            #expect(got == 0)
          }
        }
        try await outpost.connecting(to: server, within: .seconds(30)) {
          let said = try await Self.count(10, at: clients)
          #expect(said == "10")
        }
      }
    }
  }

  @Test("A connection of the tap that is dead without anybody knowing costs its client two seconds, and not itself")
  func silent() async throws {
    try await Self.with { outpost, clients, _ in
      try await Self.withCounter { server in
        try await Self.connect(outpost.port).executeThenClose { input, output in
          try await output.write(ByteBuffer(string: Self.token + "\n"))
          var said = input.makeAsyncIterator()
          let ready = try await said.next().map { String(buffer: $0) }
          #expect(ready == "R")
          let counted = Task { try await Self.count(10, at: clients) }
          // It is asked first, as nobody else is there, and says nothing.
          let asked = try await said.next().map { String(buffer: $0) }
          #expect(asked == "C")
          let began = ContinuousClock.now
          try await outpost.connecting(to: server, within: .seconds(30)) {
            let said = try await counted.value
            #expect(said == "10" && began.duration(to: .now) < .seconds(20))
          }
        }
      }
    }
  }

  @Test("Clients that come while nobody is there for them are served as soon as somebody is")
  func early() async throws {
    try await Self.with { outpost, clients, _ in
      try await Self.withCounter { server in
        try await outpost.connecting(to: server, within: .seconds(30)) {}
        let early = Task { try await Self.count(3, at: clients) }
        try await outpost.connecting(to: server, within: .seconds(30)) {
          let (first, second) = (try await early.value, try await Self.count(4, at: clients))
          #expect(first == "3" && second == "4")
        }
      }
    }
  }

  @Test("Connections to an outpost that is started again are opened anew")
  func opensAnew() async throws {
    try await Self.with { outpost, clients, end in
      try await Self.withCounter { server in
        try await outpost.connecting(to: server, within: .seconds(30)) {
          let before = try await Self.count(3, at: clients)
          end()
          try await eventually("the outpost is gone") {
            // One that is still made must be closed by what NIO wants: dropping it ends the process.
            (try? await Self.connect(clients).executeThenClose { _, _ in }) == nil
          }
          try await Self.with(clients: clients, tap: outpost.port) { _, _, _ in
            let after = try await Self.count(4, at: clients)
            #expect(before == "3" && after == "4")
          }
        }
      }
    }
  }

  @Test("Who connects and says nothing is turned away after some seconds, also while clients are served")
  func mute() async throws {
    try await Self.with { outpost, clients, _ in
      try await Self.withCounter { server in
        try await Self.connect(outpost.port).executeThenClose { input, _ in
          try await outpost.connecting(to: server, within: .seconds(30)) {
            // Whatever serves this one was begun with the other one there, and must not keep it.
            try await Self.connect(clients).executeThenClose { _, output in
              try await output.write(ByteBuffer(string: "x"))
              _ = try await Self.count(1, at: clients)
              let began = ContinuousClock.now
              do { for try await _ in input {} } catch {}
              #expect(began.duration(to: .now) < .seconds(20))
            }
          }
        }
      }
    }
  }

  @Test("Clients are not left hanging when the tap's side ends")
  func ends() async throws {
    try await Self.with { outpost, clients, _ in
      try await Self.withCounter { server in
        try await Self.connect(clients).executeThenClose { input, output in
          try await outpost.connecting(to: server, within: .seconds(30)) {
            try await output.write(ByteBuffer(string: "x"))
            // Goes the same way behind it: the first has arrived.
            _ = try await Self.count(1, at: clients)
          }
          // Ends, in whatever way.
          do { for try await _ in input {} } catch {}
        }
      }
    }
  }

  @Test("An outpost that is not there, and one that is somebody else's, are said in a sentence within the deadline")
  func absent() async throws {
    let port = try await SocketIOTap.withTap(upstream: nil) { $0.port }
    let nobody = TapOutpost(host: "127.0.0.1", port: port, token: Self.token)
    let error = await #expect(throws: SocketIOError.self) {
      try await nobody.connecting(to: 1, within: .milliseconds(300)) { Issue.record("there is nobody") }
    }
    #expect(error?.code == .tapFailed && "\(error as Any)".contains("port \(port) has not answered"), "\(error as Any)")
    try await Self.with { outpost, _, _ in
      var other = outpost
      other.token = String(repeating: "x", count: Self.token.count)
      let stranger = other
      let error = await #expect(throws: SocketIOError.self) {
        // On a busy machine being turned away takes a moment.
        try await stranger.connecting(to: 1, within: .seconds(3)) { Issue.record("it is not ours") }
      }
      #expect("\(error as Any)".contains("closed a connection"), "\(error as Any)")
    }
  }
}
