#if os(Linux)
  import ComposeKit
  import DubbingTesting
  import Foundation
  import Testing

  extension E2E {
    @Suite("Security", .tags(.communication), .ownServices)
    struct Security {
      @Test("Every port of a running environment listens on loopback or the docker bridge only")
      func listeners() async throws {
        let environment = try await DualStackEnvironment.current
        // What listens on another machine is not to be seen from here: `OtherMachineEngineTests` looks there.
        if environment.sts.engine.isRemote { return }
        let published = try await environment.sts.endpoints(of: "sts", port: 3000)
        let endpoints = DualStack.Role.needed.filter { $0.project == .media }.map { environment[$0] }
        let ports = Set((endpoints + published).map(\.port) + [environment.tap.port, environment.wire.port])

        let listeners = try Listener.all(on: ports)
        #expect(Set(listeners.map(\.port)) == ports, "every port must be seen, or this proves nothing")
        let allowed = try await ["127.0.0.1", "::1", ComposeEngine.bridgeGateway()]
        #expect(listeners.filter { !allowed.contains($0.address) } == [])
      }

      @Test("Every service runs as an ordinary user who cannot write outside of /tmp")
      func ordinaryUsers() async throws {
        let environment = try await DualStackEnvironment.current
        for stack in [environment.media, environment.sts] {
          for service in try await stack.services().map(\.service) {
            let user = try await stack.exec(service, ["id", "-u"])
            // An image without programs, such as MediaMTX's: its compose file says the user, which ComposeFilesEngineTests reads.
            if user.exitCode == 126 || user.exitCode == 127 { continue }
            #expect(user.exitCode == 0 && Int(user.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines)) != 0)
            for folder in ["/", "/app", "/etc", "/usr/local/bin"] {
              let result = try await stack.exec(service, ["touch", folder + "/written-by-a-test"])
              #expect(result.exitCode != 0, "\(service) could write to \(folder)")
            }
            let scratch = try await stack.exec(service, ["touch", "/tmp/written-by-a-test"])
            #expect(scratch.exitCode == 0, "if nothing could be written anywhere, the test would prove nothing")
          }
        }
      }
    }
  }

  /// A TCP socket that listens on this host, as the kernel's tables have it.
  private struct Listener: Hashable {
    var address: String
    var port: Int

    /// Everything that listens on one of the ports.
    static func all(on ports: Set<Int>) throws -> [Listener] {
      try ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { path in
        // To its end: reading such a file by its name gives the first 4 KB only.
        let data = try FileHandle(forReadingFrom: URL(filePath: path)).readToEnd() ?? Data()
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").dropFirst()
        return lines.compactMap(Listener.init).filter { ports.contains($0.port) }
      }
    }

    /// `0: 0100007F:1F90 00000000:0000 0A …`: address in words of the host's byte order, port, peer, state (0A listens).
    private init?(line: Substring) {
      let fields = line.split(separator: " ")
      guard fields.count > 3, fields[3] == "0A" else { return nil }
      let local = fields[1].split(separator: ":")
      guard local.count == 2, let port = Int(local[1], radix: 16) else { return nil }
      let digits = Array(local[0])
      let bytes = stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
      self.port = port
      if bytes.count == 4 {
        address = bytes.reversed().map(String.init).joined(separator: ".")
      } else {
        address = bytes == Array(repeating: 0, count: 12) + [1, 0, 0, 0] ? "::1" : "[\(local[0])]"
      }
    }
  }
#endif
