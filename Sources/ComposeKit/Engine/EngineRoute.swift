import NIOCore
import NIOPosix

/// The two addresses between which this machine and the host of an engine on another one talk.
package struct EngineRoute: Sendable, Hashable {
  /// The engine's host, as this machine reaches it.
  package var engine: String
  /// This machine, as seen from there: the source of what it sends.
  package var runner: String

  package init(engine: String, runner: String) {
    (self.engine, self.runner) = (engine, runner)
  }

  /// Asks the kernel, which chooses both when a UDP socket is connected; nothing is sent.
  ///
  /// - Parameter host: a name or an address.
  /// - Throws: an error of NIO where the name is not known, or nothing leads there.
  static func find(to host: String) async throws -> EngineRoute {
    // Any port will do: nobody is talked to.
    let channel = try await DatagramBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connect(host: host, port: 9).get()
    let (engine, runner) = (channel.remoteAddress?.ipAddress, channel.localAddress?.ipAddress)
    try await channel.close()
    guard let engine, let runner else {
      throw ComposeError(.engineUnavailable, "nothing leads from this machine to \(host)")
    }
    return EngineRoute(engine: engine, runner: runner)
  }

  /// Whether a text is an IPv4 or IPv6 address.
  static func isAddress(_ text: String) -> Bool { (try? SocketAddress(ipAddress: text, port: 0)) != nil }
}
