import Foundation

/// Finds out who has a host port that could not be published.
struct PortHolder: Sendable {
  let port: Int
  let engine: ComposeEngine

  /// Who has the port, for people; nil if that cannot be found out.
  func find() async -> String? {
    if let container = await container() { return container }
    return engine.isRemote ? nil : await process()
  }

  private func container() async -> String? {
    let command = engine.access.command(
      ["ps", "--no-trunc", "--format", "{{.Names}}\t{{.Image}}\t{{.Ports}}"], deadline: .seconds(10))
    guard let output = try? await command.run() else { return nil }
    for line in output.standardOutput.outputLines {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      if fields.count == 3, Self.publishes(port, in: fields[2]) { return "container \(fields[0]) (image \(fields[1]))" }
    }
    return nil
  }

  /// Whether the column "Ports" of `ps` has the host port: "0.0.0.0:8000-8002->80-82/tcp, :::443->443/tcp".
  static func publishes(_ port: Int, in column: String) -> Bool {
    column.split(separator: ",").contains { entry in
      guard let arrow = entry.range(of: "->") else { return false }
      let host = entry[..<arrow.lowerBound]
      guard let colon = host.lastIndex(of: ":") else { return false }
      let bounds = host[host.index(after: colon)...].split(separator: "-").compactMap { Int($0) }
      guard let low = bounds.first, let high = bounds.last, low <= high else { return false }
      return (low...high).contains(port)
    }
  }

  private func process() async -> String? {
    #if os(Linux)
      var inodes: Set<String> = []
      for table in ["/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6"] {
        // To its end: reading such a file by its name gives the first 4 KB, some thirty sockets.
        if let data = try? FileHandle(forReadingAtPath: table)?.readToEnd() {
          inodes.formUnion(Self.inodes(bindingPort: port, inTable: String(decoding: data, as: UTF8.self)))
        }
      }
      guard !inodes.isEmpty else { return nil }
      guard let pid = Self.process(withSockets: inodes) else {
        return "a process of another user, or in another container"
      }
      let name = (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8))?.trimmed
      return "process \(pid) (\(name ?? "unknown"))"
    #else
      let command = Command(
        program: "lsof", arguments: ["-nP", "-iTCP:\(port)", "-sTCP:LISTEN", "-Fpc"], deadline: .seconds(10))
      guard let lines = try? await command.run().standardOutput.outputLines,
        let pid = lines.first(where: { $0.hasPrefix("p") })?.dropFirst()
      else { return nil }
      return "process \(pid) (\(lines.first { $0.hasPrefix("c") }?.dropFirst() ?? "unknown"))"
    #endif
  }

  /// The inodes of sockets bound to a local port, in a table of proc(5) net/tcp or net/udp: listening (0A), or unconnected UDP (07).
  static func inodes(bindingPort port: Int, inTable table: String) -> [String] {
    table.outputLines.dropFirst().compactMap { line in
      let fields = line.split(whereSeparator: \.isWhitespace)
      guard fields.count > 9, ["0A", "07"].contains(fields[3]), let colon = fields[1].lastIndex(of: ":"),
        Int(fields[1][fields[1].index(after: colon)...], radix: 16) == port
      else { return nil }
      return String(fields[9])
    }
  }

  private static func process(withSockets inodes: Set<String>) -> Int? {
    let files = FileManager.default
    let targets = Set(inodes.map { "socket:[\($0)]" })
    for entry in (try? files.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let pid = Int(entry) else { continue }
      for descriptor in (try? files.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? [] {
        if let target = try? files.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(descriptor)"),
          targets.contains(target)
        {
          return pid
        }
      }
    }
    return nil
  }
}
