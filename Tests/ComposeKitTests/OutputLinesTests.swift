import ComposeTesting
import Testing

// Addresses, stamps and the splitter are made here by their synthesized initialisers.
@testable import ComposeKit

@Suite("Lines of containers and of the engine", .kind(.logic))
struct OutputLinesTests {
  private static func split(_ pieces: [String]) -> (lines: [String], rest: String?) {
    var splitter = LineSplitter()
    let lines = pieces.flatMap { splitter.add($0.utf8) }.map { String(decoding: $0, as: UTF8.self) }
    return (lines, splitter.unfinished.map { String(decoding: $0, as: UTF8.self) })
  }

  @Test("They end at line feeds, however the bytes arrive")
  func lines() {
    #expect(Self.split(["a\nb", "c\n\nd"]).lines == ["a", "bc", ""])
    #expect(Self.split(["a\nb", "c\n\nd"]).rest == "d")
    #expect(Self.split(["a\u{2028}b\u{85}c\u{c}\n"]).lines == ["a\u{2028}b\u{85}c\u{c}"])
    #expect(Self.split(["a\r\nb\rc\r", "\n"]).lines == ["a", "b\rc"])
    #expect(Self.split([]).rest == nil)
    #expect("a\u{2028}b\u{85}c\nd\r\ne\n\n".outputLines == ["a\u{2028}b\u{85}c", "d", "e"])
  }

  static let stamp = "2026-11-27T20:02:11.699939129Z"

  private static func text(_ line: String) -> String? {
    LogStamp.split(Array(line.utf8)).map { String(decoding: $0.text, as: UTF8.self) }
  }

  @Test("The engine's time is taken off, also before each piece of a long line; a line without is not the container's")
  func stamps() {
    #expect(Self.text("\(Self.stamp) hello \(Self.stamp) you") == "hello \(Self.stamp) you")
    #expect(Self.text("\(Self.stamp) ") == "")
    #expect(Self.text("2026-11-27T20:02:11+01:00 podman") == "podman")
    #expect(Self.text("Error response from daemon: no") == nil)
    #expect(Self.text("") == nil)
    #expect(Self.text("2026-11-27 20:02 x") == nil)
    let piece = String(repeating: "x", count: LogStamp.pieceBytes)
    #expect(Self.text("\(Self.stamp) \(piece)\(Self.stamp) \(piece)\(Self.stamp) end") == piece + piece + "end")
    #expect(Self.text("\(Self.stamp) \(piece)\(piece)") == piece + piece)
    #expect(Self.text("\(Self.stamp) \(piece)") == piece)
  }

  @Test(
    "Where to go on: a nanosecond later",
    arguments: [
      (stamp, "2026-11-27T20:02:11.699939130Z"), ("2026-11-27T20:02:11.000000009Z", "2026-11-27T20:02:11.000000010Z"),
      ("2026-11-27T20:02:11.999999999Z", "2026-11-27T20:02:11.999999999Z"),
      ("2026-11-27T20:02:11+01:00", "2026-11-27T20:02:11+01:00"),
    ])
  func next(_ stamp: String, _ next: String) {
    #expect(LogStamp(text: stamp).next == next)
  }
}

@Suite("Where an engine's ports are reached", .kind(.logic))
struct EngineAddressTests {
  @Test(
    "The host in what `ssh -G` prints",
    arguments: [
      ("user ci\nhostname 10.0.0.5\nport 22\n", "10.0.0.5"), ("hostname build.example.org\n", "build.example.org"),
      ("hostname ::1\n", "127.0.0.1"), ("hostname fd00::5", "fd00::5"), ("user ci\n", nil), ("", nil),
    ] as [(String, String?)])
  func ssh(_ text: String, _ host: String?) {
    #expect(EngineAddress.hostName(inConfiguration: text) == host)
  }

  @Test("The container in which a process runs, and its gateway")
  func container() {
    let id = String(repeating: "0f", count: 32)
    let docker = "90 72 254:0 /var/lib/docker/containers/\(id)/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw\n"
    #expect(OwnContainer.id(inMounts: "1 2 0:3 / / rw - overlay overlay rw\n" + docker) == id)
    let podman = "9 7 0:2 /storage/overlay-containers/\(id)/userdata/resolv.conf /etc/resolv.conf rw - tmpfs tmpfs rw\n"
    #expect(OwnContainer.id(inMounts: podman) == id)
    #expect(OwnContainer.id(inMounts: "90 72 254:0 / /etc/hostname rw - ext4 /dev/vda rw\n") == nil)
    let routes = """
      Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
      eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
      eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
      """
    #expect(OwnContainer.defaultGateway(inRoutes: routes) == "172.17.0.1")
    #expect(OwnContainer.defaultGateway(inRoutes: "") == nil)
  }

  @Test("An override wins over everything, and does not make a local engine a remote one")
  func override() async throws {
    let socket = EngineAccess(address: "unix:///var/run/docker.sock")
    let near = try await EngineAddress.find(socket, override: "10.1.2.3")
    #expect(near == EngineAddress(access: socket, host: "10.1.2.3"))
    let port = EngineAccess(address: "tcp://10.0.0.5:2375")
    let far = try await EngineAddress.find(port, override: "10.1.2.3")
    // Whether anything leads there, and from where, depends on the machine.
    #expect(far.access == port && far.host == "10.1.2.3" && far.isRemote)
    #expect([nil, "10.1.2.3"].contains(far.bindAddress))
  }
}
